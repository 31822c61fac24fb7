SELECT toString(cohort), number, people
FROM retention_of(
    start_event = {start_event:String}, return_event = {return_event:String},
    period = {period:String}, timezone = {timezone:String},
    start = {start:DateTime64(3, 'UTC')}, end = {end:DateTime64(3, 'UTC')},
    channel = {channel:String}, segment = {segment:String})
ORDER BY cohort, number
