export const USAGE = `Usage: npm run loadtest -- [options]
Where
  --url <url>             the service (default http://127.0.0.1:8080); several: each gets the next request in turn
  --allow-remote          needed for a URL that is not on this machine
  --local <n>             instead: starts n replicas (1 to 10), a Redis, a simulated model server and a round-robin proxy
  --config <file>         --local: configuration of the replicas, instead of one for the simulated models
  --kill-one              --local: at half time one replica is killed, and started again
  --kill-signal <name>    SIGKILL (default) or SIGTERM
How much: a closed loop, each user waits for his answer
  --users <n>             callers at once, 1 to 10000 (default 100)
  --requests <n>          requests of each, 1 to 1000000 (default 10)
  --think-ms <n>          pause of a user between two requests (default 0)
or an open loop, which does not wait; latency counts from when a request was due
  --rate <n>              requests a second, 0.1 to 20000
  --arrivals <name>       constant (default) or poisson
  --max-in-flight <n>     1 to 20000 (default 1000); what is due beyond that waits for its turn
Both
  --duration <seconds>    1 to 86400; closed loop: instead of --requests; open loop: default 10
  --warmup <seconds>      counted, but not measured (default 0)
  --seed <n>              the same seed asks the same questions (default: a new one, printed)
What
  --model <name>          default auto
  --strategy <name>       x-router-strategy
  --stream                streamed answers: first token and largest gap are measured too
  --prompt <text>         the question; a number is added, so that no two are the same
  --prompts <file>        JSONL, one {"prompt"} or {"messages"} a line, asked in turn as they are
  --repeats <share>       0 to 1: share of requests that ask one of ten common questions, which the cache can answer
  --same                  everybody asks the same question
  --sessions <n>          n conversations at once, with x-session-id
  --turns <n>             of each conversation (default 5)
  --max-tokens <n>        max_tokens
  --key <key>             API key; several: users take turns; ROUTER_KEY in the environment keeps it out of the process list
  --key-file <file>       a key a line
  --header <name: value>  added to each request; several
  --timeout-seconds <n>   for one request, 1 to 600 (default 120)
Objectives: exit 0 when all are met, 1 when one is missed, 2 for wrong options or nobody at --url, 130 after Ctrl-C
  --p95-ms <n>            whole answers (default 2000)
  --p99-ms <n>
  --first-token-p95-ms <n>
  --gap-ms <n>            p99 of the largest gap within a stream
  --max-error-rate <n>    0 to 1 (default 0.01); what was due and could not be started is an error
  --min-hit-rate <n>      0 to 1: share of answers from the cache
  --min-rate <n>          complete answers a second
Reports: a table on standard output, and
  --markdown <file>       --html <file>       --json <file>`;
