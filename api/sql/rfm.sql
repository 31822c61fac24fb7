SELECT name, count(), sum(revenue)
FROM (SELECT segment AS name, revenue FROM rfm_of(as_of = {as_of:DateTime64(3, 'UTC')}, segment = {segment:String}))
GROUP BY name
ORDER BY name
