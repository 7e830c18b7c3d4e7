import { cloudTargets } from './cloud-targets.js';
import type { LocalServer } from './found-model.js';
import { foundTargets } from './found-targets.js';
import { FOUNDRY_LOCAL } from './foundry-local.probe.js';
import { LLAMA_CPP } from './llama-cpp.probe.js';
import * as lmStudioAnswers from './lm-studio-answers.fixture.js';
import { LM_STUDIO } from './lm-studio.probe.js';
import { Ollama } from './ollama.probe.js';
import type { Ask } from './probe-json.js';
import * as answers from './real-answers.fixture.js';
import { VLLM } from './vllm.probe.js';

const ODD: readonly unknown[] = [
  ...[undefined, null, true, 0, -1, 1e308, NaN, '', 'x'.repeat(300), '\u0000', '/', '..', '__proto__', 'é'],
  ...[[], [null], [[]], ['constructor'], {}, { length: 1 }, JSON.parse('{"__proto__":{"a":1},"constructor":1}')],
];

const KINDS: [string, () => LocalServer, answers.Answers][] = [
  ['Ollama', () => new Ollama(), answers.OLLAMA],
  ['LM Studio', () => LM_STUDIO, lmStudioAnswers.LM_STUDIO],
  ['LM Studio, v0', () => LM_STUDIO, lmStudioAnswers.LM_STUDIO_V0],
  ['LM Studio, old', () => LM_STUDIO, lmStudioAnswers.OLD_LM_STUDIO],
  ['llama.cpp', () => LLAMA_CPP, answers.LLAMA_CPP],
  ['llama.cpp, router', () => LLAMA_CPP, answers.LLAMA_CPP_ROUTER],
  ['vLLM', () => VLLM, answers.VLLM],
  ['Foundry Local', () => FOUNDRY_LOCAL, answers.FOUNDRY],
];

/** Answers from the table, without a socket. */
const answeredBy =
  (table: answers.Answers): Ask =>
  async (path, body) => {
    const route = `${body === undefined ? 'GET' : 'POST'} ${path}`;
    const json = table[route] ?? table[`${route} ${(body as { model?: string } | undefined)?.model}`];
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
    async (_, serverOf, real) => {
      let [tried, seen] = [0, 0];
      for (const route of Object.keys(real)) {
        for (const odd of ODD) {
          for (const answer of withOneFieldOdd(real[route], odd)) {
            const server = serverOf();
            const models = await server.models(answeredBy({ ...real, [route]: answer }));
            const found = models
              ? [{ ...server, baseUrl: 'http://127.0.0.1:1/v1', models, hint: server.hint?.(models) }]
              : [];
            const { targets } = foundTargets(found, cloudTargets({}, 8080));
            tried += 1;
            seen += targets.some(({ provider }) => provider === 'openai') ? 1 : 0;
          }
        }
      }
      expect(seen / tried).toBeGreaterThan(0.5); // most fields are no reason to miss a server
    },
  );
});
