import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { discoverTargets } from './discover-targets.js';
import { VLLM } from './real-answers.fixture.js';

let server: Server;
let vllm: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.writeHead(request.url === '/v1/models' ? 200 : 404);
    response.end(request.url === '/v1/models' ? JSON.stringify(VLLM['GET /v1/models']) : '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  vllm = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Port 9 (discard) is one that nobody listens on here. */
const NOBODY = 'http://127.0.0.1:9';
const servers = { ollama: NOBODY, lmstudio: NOBODY, llamacpp: NOBODY, vllm: NOBODY };
const limits = { probeMs: 5_000, statusMs: 5_000 };

describe('discoverTargets', () => {
  it('fills both tiers with simulated targets when there is nothing, and says what to do', async () => {
    const { targets, notes } = await discoverTargets({ env: {}, servers, ...limits });
    expect(targets).toMatchObject([
      { id: 'simulated-local', tier: 'local', provider: 'simulated', model: 'simulated-small' },
      { id: 'simulated-cloud', tier: 'cloud', provider: 'simulated', model: 'simulated-large' },
    ]);
    expect(targets.every(({ price }) => price?.input === 0 && price.output === 0)).toBe(true);
    expect(targets[0]?.timeouts.idleMs).toBe(10_000);
    expect(notes).toEqual([expect.stringContaining('ollama serve'), expect.stringContaining('OPENAI_API_KEY')]);
  });

  it('fills only the tier that is empty', async () => {
    const { targets, notes } = await discoverTargets({ env: {}, servers: { ...servers, vllm }, ...limits });
    expect(targets).toMatchObject([
      { id: 'vllm/meta-llama/Llama-3.1-8B-Instruct', tier: 'local', baseUrl: `${vllm}/v1`, contextWindow: 8096 },
      { id: 'vllm/sql-lora', model: 'sql-lora', price: { input: 0, output: 0 } },
      { id: 'simulated-cloud' },
    ]);
    expect(notes[0]).toBe(`vLLM at ${new URL(vllm).host}: meta-llama/Llama-3.1-8B-Instruct, sql-lora.`);
  });

  it('puts local targets first, then the small and the large cloud one', async () => {
    const env = {
      OPENAI_API_KEY: 'sk-test',
      AZURE_OPENAI_ENDPOINT: 'https://acme.openai.azure.com',
      AZURE_OPENAI_API_KEY: 'k',
    };
    const { targets, notes } = await discoverTargets({ env, servers, ...limits });
    const ids = targets.map(({ id }) => id);
    expect(ids).toEqual(['simulated-local', 'openai/gpt-5.4-mini', 'openai/gpt-5.4', 'azure/gpt-4.1']);
    expect(notes).toHaveLength(3);
  });
});
