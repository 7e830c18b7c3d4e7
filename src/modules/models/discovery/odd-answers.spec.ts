import { cloudTargets } from './cloud-targets.js';
import type { FoundServer } from './found-model.js';
import { foundTargets } from './found-targets.js';
import { probeLlamaCpp } from './llama-cpp.probe.js';
import { LM_STUDIO, LM_STUDIO_V0, OLD_LM_STUDIO } from './lm-studio-answers.fixture.js';
import { probeLmStudio } from './lm-studio.probe.js';
import { OllamaProbe } from './ollama.probe.js';
import type { ProbeJson } from './probe-json.js';
import { LLAMA_CPP, LLAMA_CPP_ROUTER, OLLAMA, VLLM, type Answers } from './real-answers.fixture.js';
import { probeVllm } from './vllm.probe.js';

const ORIGIN = 'http://127.0.0.1:1';
const ODD: readonly unknown[] = [
  ...[undefined, null, true, 0, -1, 1e308, NaN, '', 'x'.repeat(300), '\u0000', '/', '..', '__proto__', 'é'],
  ...[[], [null], [[]], ['constructor'], {}, { length: 1 }, JSON.parse('{"__proto__":{"a":1},"constructor":1}')],
];

const ollama = (origin: string, probe: ProbeJson) => new OllamaProbe().find(origin, probe);
const KINDS: [string, (origin: string, probe: ProbeJson) => Promise<FoundServer | null>, Answers][] = [
  ['Ollama', ollama, OLLAMA],
  ['LM Studio', probeLmStudio, LM_STUDIO],
  ['LM Studio, v0', probeLmStudio, LM_STUDIO_V0],
  ['LM Studio, old', probeLmStudio, OLD_LM_STUDIO],
  ['llama.cpp', probeLlamaCpp, LLAMA_CPP],
  ['llama.cpp, router', probeLlamaCpp, LLAMA_CPP_ROUTER],
  ['vLLM', probeVllm, VLLM],
];

/** A probe that is answered from the table, without a socket. */
const answeredBy =
  (answers: Answers): ProbeJson =>
  async (url, body) => {
    const route = `${body === undefined ? 'GET' : 'POST'} ${url.slice(ORIGIN.length)}`;
    const json = answers[route] ?? answers[`${route} ${(body as { model?: string } | undefined)?.model}`];
    return json === undefined ? { state: 'other' } : { state: 'json', json };
  };

/** Every copy of the value in which one field, at any depth, is something else. */
function* withOneFieldOdd(value: unknown, odd: unknown): Generator<unknown> {
  yield odd;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    for (const changed of withOneFieldOdd(inner, odd)) {
      yield Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed };
    }
  }
}

describe('answers that are not as they should be', () => {
  it.each(KINDS)(
    '%s: whatever one field is, nothing is thrown and every target is a valid one',
    async (_, find, real) => {
      let [tried, found] = [0, 0];
      for (const route of Object.keys(real)) {
        for (const odd of ODD) {
          for (const answer of withOneFieldOdd(real[route], odd)) {
            const server = await find(ORIGIN, answeredBy({ ...real, [route]: answer }));
            const { targets } = foundTargets(server ? [server] : [], cloudTargets({}, 8080));
            tried += 1;
            found += targets.some(({ provider }) => provider === 'openai') ? 1 : 0;
          }
        }
      }
      expect(found / tried).toBeGreaterThan(0.5); // most fields are no reason to miss a server
    },
  );
});
