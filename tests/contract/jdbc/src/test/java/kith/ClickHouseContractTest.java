package kith;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a BI tool does: connect, look around, query with parameters, insert in batches, read much, cancel, fail. */
class ClickHouseContractTest {
    private Connection connection;

    private static Connection connect(Properties more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getProperty("clickhouse.user"));
        properties.setProperty("password", System.getProperty("clickhouse.password"));
        properties.putAll(more);
        return DriverManager.getConnection(System.getProperty("clickhouse.url"), properties);
    }

    @BeforeEach
    void open() throws SQLException {
        connection = connect(new Properties());
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE DATABASE IF NOT EXISTS jdbc");
            statement.execute("DROP TABLE IF EXISTS jdbc.orders SYNC");
            statement.execute("CREATE TABLE jdbc.orders (id UUID, placed DateTime64(3, 'UTC'), day Date, customer String,"
                    + " total Decimal(18, 4), coupon Nullable(String), tags Array(String), amount Int64)"
                    + " ENGINE = MergeTree ORDER BY id");
        }
    }

    @AfterEach
    void close() throws SQLException {
        connection.close();
    }

    @Test
    void isAClickHouse() throws SQLException {
        DatabaseMetaData about = connection.getMetaData();
        assertEquals("ClickHouse", about.getDatabaseProductName());
        assertTrue(connection.isValid(5));
        assertTrue(about.getDatabaseProductVersion().matches("\\d+\\.\\d+.*"), about.getDatabaseProductVersion());
    }

    @Test
    void listsTablesAndColumns() throws SQLException {
        DatabaseMetaData about = connection.getMetaData();
        try (ResultSet tables = about.getTables(null, "jdbc", "orders", null)) {
            assertTrue(tables.next());
            assertEquals("orders", tables.getString("TABLE_NAME"));
        }
        int columns = 0;
        try (ResultSet found = about.getColumns(null, "jdbc", "orders", "%")) {
            while (found.next()) {
                columns++;
            }
        }
        assertEquals(8, columns);
    }

    @Test
    void insertsInBatchesAndReadsBackEveryType() throws SQLException {
        UUID id = UUID.randomUUID();
        String sql = "INSERT INTO jdbc.orders (id, placed, day, customer, total, coupon, amount) VALUES (?, ?, ?, ?, ?, ?, ?)";
        try (PreparedStatement insert = connection.prepareStatement(sql)) {
            for (int row = 0; row < 500; row++) {
                insert.setObject(1, row == 0 ? id : UUID.randomUUID());
                insert.setObject(2, LocalDateTime.of(2026, 1, 31, 10, 15, 0, 123_000_000));
                insert.setObject(3, LocalDate.of(2026, 1, 31));
                insert.setString(4, "Jané 'O\\Hara'\t" + row);
                insert.setBigDecimal(5, new BigDecimal("120.5000"));
                insert.setString(6, row % 2 == 0 ? null : "SPRING");
                insert.setLong(7, row);
                insert.addBatch();
            }
            insert.executeBatch();
        }
        try (PreparedStatement select = connection.prepareStatement("SELECT * FROM jdbc.orders WHERE id = ?")) {
            select.setObject(1, id);
            try (ResultSet row = select.executeQuery()) {
                assertTrue(row.next());
                assertEquals(id, row.getObject("id", UUID.class));
                assertEquals("Jané 'O\\Hara'\t0", row.getString("customer"));
                assertEquals(0, new BigDecimal("120.5").compareTo(row.getBigDecimal("total")));
                assertEquals(LocalDate.of(2026, 1, 31), row.getObject("day", LocalDate.class));
                assertNull(row.getString("coupon"));
                assertFalse(row.next());
            }
        }
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT count(), sum(amount), countIf(coupon IS NULL) FROM jdbc.orders")) {
            assertTrue(row.next());
            assertEquals(500, row.getLong(1));
            assertEquals(124_750, row.getLong(2));
            assertEquals(250, row.getLong(3));
        }
    }

    @Test
    void countsWhatItWrote() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            int written = statement.executeUpdate(
                    "INSERT INTO jdbc.orders (id, amount) SELECT generateUUIDv4(), number FROM numbers(17)");
            assertEquals(17, written);
        }
    }

    @Test
    void readsAMillionRows() throws SQLException {
        for (String compress : new String[] {"true", "false"}) {
            Properties more = new Properties();
            more.setProperty("compress", compress);
            try (Connection other = connect(more);
                    Statement statement = other.createStatement();
                    ResultSet rows = statement.executeQuery("SELECT number, toString(number) FROM numbers(1000000)")) {
                long sum = 0;
                while (rows.next()) {
                    sum += rows.getLong(1);
                    assertEquals(Long.toString(rows.getLong(1)), rows.getString(2));
                }
                assertEquals(499_999_500_000L, sum);
            }
        }
    }

    @Test
    void compressesRequestsToo() throws SQLException {
        Properties more = new Properties();
        more.setProperty("decompress", "true");
        try (Connection other = connect(more);
                Statement statement = other.createStatement();
                ResultSet row = statement.executeQuery("SELECT 'compressed'")) {
            assertTrue(row.next());
            assertEquals("compressed", row.getString(1));
        }
    }

    @Test
    void tellsErrorsByTheirCode() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            SQLException unknown = assertThrows(SQLException.class, () -> statement.executeQuery("SELECT * FROM nowhere"));
            assertTrue(unknown.getMessage().contains("nowhere"), unknown.getMessage());
            assertEquals(60, unknown.getErrorCode());
            // After the first bytes the driver only sees that the body breaks off.
            assertThrows(SQLException.class, () -> {
                try (ResultSet rows = statement.executeQuery(
                        "SELECT number, throwIf(number = 3000000) FROM numbers(10000000)")) {
                    while (rows.next()) {
                        rows.getLong(1);
                    }
                }
            });
        }
        Properties wrong = new Properties();
        wrong.setProperty("password", "wrong");
        assertThrows(SQLException.class, () -> {
            try (Connection other = connect(wrong);
                    Statement statement = other.createStatement()) {
                statement.executeQuery("SELECT 1");
            }
        });
    }

    @Test
    void cancelsAQuery() throws Exception {
        try (Statement statement = connection.createStatement()) {
            AtomicReference<Exception> failure = new AtomicReference<>();
            Thread query = new Thread(() -> {
                try (ResultSet rows = statement.executeQuery(
                        "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1")) {
                    rows.next();
                } catch (Exception exception) {
                    failure.set(exception);
                }
            });
            query.start();
            Thread.sleep(500);
            statement.cancel();
            query.join(10_000);
            assertFalse(query.isAlive());
            assertTrue(failure.get() instanceof SQLException, String.valueOf(failure.get()));
        }
    }

    @Test
    void limitsItsTime() throws SQLException {
        Properties limited = new Properties();
        limited.setProperty("clickhouse_setting_max_execution_time", "1");
        try (Connection other = connect(limited);
                Statement statement = other.createStatement()) {
            // The driver makes this of ClickHouse's code 159.
            assertThrows(
                    SQLTimeoutException.class,
                    () -> statement.executeQuery("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"));
        }
    }
}
