SELECT name, count(), sum(revenue)
FROM
(
    SELECT segment AS name, revenue
    FROM rfm_in(
        start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')}, segment = {segment:String})
)
GROUP BY name
ORDER BY name
