"""`kith bench`: what the path reaches on this machine, beside baselines measured in the same run.

If you are here to read the code, start with `registry`: which benches there are; then `run`: how they are carried out.
One module measures one thing (`collector`, `pipeline`, `latency`, `profile_get`, `restart`, `memory`, `identity`) and
has one coroutine `measure(bench)`; `stage` gives it real processes, `shop` and `people` their events, `wire` and
`filling` the ways in. A baseline is a process of its own (`bare_route`, `bare_agent`).
"""
