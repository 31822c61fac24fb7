package kith;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Properties;

/**
 * What a BI tool does over JDBC: look around among the views, see what each column means, ask with parameters.
 *
 * <p>KITH_ANALYST_PASSWORD=… java -cp '.venv/jdbc/lib/*' examples/LookAround.java (`kith up` prints the password)
 */
public final class LookAround {
    private LookAround() {}

    /** Prints the views, the columns of orders_by_profile, a funnel, and the largest days of a currency. */
    public static void main(String... arguments) throws SQLException {
        String database = variable("KITH_CLICKHOUSE_DATABASE", "kith");
        Properties properties = new Properties();
        properties.setProperty("user", "analyst");
        properties.setProperty("password", variable("KITH_ANALYST_PASSWORD", ""));
        String url = "jdbc:clickhouse:" + variable("KITH_CLICKHOUSE_URL", "http://127.0.0.1:8123") + "/" + database;
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            lookAround(connection, database);
            funnel(connection);
            bestDays(connection, "EUR", new BigDecimal("0.00"));
        }
    }

    private static void lookAround(Connection connection, String database) throws SQLException {
        // DatabaseMetaData.getTables lists them too, but version 0.11 of the driver leaves out what they are.
        String sql = "SELECT name, comment FROM system.tables WHERE database = ? AND engine = 'View' ORDER BY name";
        try (PreparedStatement select = connection.prepareStatement(sql)) {
            select.setString(1, database);
            try (ResultSet views = select.executeQuery()) {
                while (views.next()) {
                    System.out.printf("view %s: %s%n", views.getString("name"), views.getString("comment"));
                }
            }
        }
        try (ResultSet columns = connection.getMetaData().getColumns(null, database, "orders_by_profile", "%")) {
            while (columns.next()) {
                System.out.printf(
                        "column %s %s: %s%n",
                        columns.getString("COLUMN_NAME"), columns.getString("TYPE_NAME"), columns.getString("REMARKS"));
            }
        }
    }

    /** A parameterised view; its parameters are bound as any others. */
    private static void funnel(Connection connection) throws SQLException {
        String sql = "SELECT event, people, conversion FROM funnel(steps = [?, ?, ?], within = ?)";
        try (PreparedStatement select = connection.prepareStatement(sql)) {
            select.setString(1, "Product Viewed");
            select.setString(2, "Product Added");
            select.setString(3, "Order Completed");
            select.setLong(4, 7 * 24 * 3600 * 1000L);
            try (ResultSet steps = select.executeQuery()) {
                while (steps.next()) {
                    System.out.printf("%s: %d people, %.0f%%%n", steps.getString(1), steps.getLong(2), 100 * steps.getDouble(3));
                }
            }
        }
    }

    private static void bestDays(Connection connection, String currency, BigDecimal least) throws SQLException {
        String sql = "SELECT day, orders, net FROM daily_revenue WHERE currency = ? AND net > ? ORDER BY net DESC LIMIT 5";
        try (PreparedStatement select = connection.prepareStatement(sql)) {
            select.setString(1, currency);
            select.setBigDecimal(2, least);
            try (ResultSet days = select.executeQuery()) {
                while (days.next()) {
                    System.out.printf(
                            "%s: %d orders, %s %s%n",
                            days.getDate("day").toLocalDate(), days.getLong("orders"), days.getBigDecimal("net"), currency);
                }
            }
        }
    }

    private static String variable(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null ? otherwise : value;
    }
}
