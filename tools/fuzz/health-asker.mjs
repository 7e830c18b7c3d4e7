// A thread that asks /health all the time, so that it measures the service and not the making of requests beside it.
import { Agent, get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

const { url, everyMs, deadlineMs } = workerData;
const agent = new Agent({ keepAlive: true });
const times = [];
const stalls = [];
const failures = [];
let goesOn = true;
parentPort.once('message', () => (goesOn = false));

const ask = () =>
  new Promise((settle) => {
    const request = get(url, { agent, timeout: deadlineMs }, (response) => {
      response.resume().once('end', () => settle(response.statusCode === 200 ? null : `status ${response.statusCode}`));
    });
    request.once('timeout', () => request.destroy(new Error(`nothing within ${deadlineMs} ms`)));
    request.once('error', ({ message }) => settle(message));
  });

while (goesOn) {
  const begun = performance.now();
  const failure = await ask();
  if (failure === null) times.push(performance.now() - begun);
  else failures.push(failure);
  const slept = performance.now();
  await setTimeout(everyMs);
  stalls.push(performance.now() - slept - everyMs);
}
agent.destroy();
parentPort.postMessage({ times, stalls, failures });
