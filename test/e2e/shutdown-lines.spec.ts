import { shutDown } from '../../src/graceful-shutdown.js';
import { AzureIngestion } from '../support/azure-ingestion.js';
import { logTo, type Line } from '../support/captured-log.js';
import { startRouter } from '../support/router-app.js';
import { chat, eventually } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer, neverAnswer } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';

const ENDED = 'requests still in flight are ended';
const DRAIN_SECONDS = 0.2;

describe('the end of the service, with an exporter that hangs', () => {
  it.each([
    ['says nothing of requests where there are none', false],
    ['says that requests are ended where there are some', true],
  ])(
    '%s',
    async (_, inFlight) => {
      const [upstream, azure] = await Promise.all([UpstreamServer.start(), AzureIngestion.start()]);
      upstream.script(answer('hello'), neverAnswer);
      azure.mood = 'hangs';
      const lines: Line[] = [];
      const router = await startRouter(
        inOrder([targetOn(upstream)], { telemetry: { azureMonitorConnectionString: azure.connectionString } }),
        { logger: logTo(lines) },
      );
      await (await chat(router)).arrayBuffer();
      const running = inFlight ? chat(router).then((response) => response.status) : null;
      if (inFlight) await eventually('it is under way', 5_000, () => upstream.requests.length === 2);
      const before = performance.now();
      await shutDown(router.app, DRAIN_SECONDS, AbortSignal.abort());
      expect(performance.now() - before).toBeGreaterThan(DRAIN_SECONDS * 1_000);
      expect(lines.filter(({ text }) => text.includes(ENDED))).toHaveLength(inFlight ? 1 : 0);
      if (running) expect(await running).toBe(503);
      await router.close();
      await Promise.all([upstream.close(), azure.close()]);
    },
    30_000,
  );
});
