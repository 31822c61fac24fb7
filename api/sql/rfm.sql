SELECT name, count(), sum(revenue)
FROM
(
    SELECT segment AS name, revenue
    FROM rfm_of(
        start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')},
        channel = {channel:String}, segment = {segment:String})
)
GROUP BY name
ORDER BY name
