SELECT event, people, conversion, median_seconds
FROM funnel_of(
    steps = {steps:Array(String)}, within = {within:Int64},
    start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')},
    channel = {channel:String}, segment = {segment:String})
ORDER BY step
