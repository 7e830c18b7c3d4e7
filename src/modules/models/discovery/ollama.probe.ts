import type { Capability } from '../../../common/target.js';
import {
  choice,
  isChatModelName,
  isObject,
  objectsIn,
  tokensOf,
  USUAL_CONTEXT,
  type FoundModel,
  type FoundServer,
  type JsonObject,
} from './found-model.js';
import type { ProbeJson } from './probe-json.js';
import { ownField } from '../../../common/own-field.js';

/** Ollama's words for what a model can, in ours. `json` is not among them: Ollama enforces it for every model. */
const CAPABILITY: Readonly<Record<string, Capability>> = { tools: 'tools', vision: 'vision', thinking: 'reasoning' };

/**
 * Ollama: `GET /api/tags` lists the models, `/api/ps` the loaded ones, `POST /api/show` describes one. Models that run
 * at ollama.com (`remote_host`) are left out: text for them leaves this machine, which a local target promises not to.
 *
 * @param contextLength the value of OLLAMA_CONTEXT_LENGTH, if the server shares our environment
 * @see https://docs.ollama.com/api
 */
export async function probeOllama(origin: string, probe: ProbeJson, contextLength = ''): Promise<FoundServer | null> {
  const [tags, ps] = await Promise.all([probe(`${origin}/api/tags`), probe(`${origin}/api/ps`)]);
  if (!isObject(tags) || !Array.isArray(tags['models'])) return null;
  const listed = objectsIn(tags, 'models');
  if (!listed.every((entry) => isObject(entry['details']))) return null;

  const loaded = new Map(objectsIn(ps, 'models').map((entry) => [entry['name'], entry]));
  const local = listed.filter((entry) => isChatModelName(entry['name']) && !entry['remote_host']);
  const shown = await Promise.all(
    choice(local, (entry) => loaded.has(entry['name'])).map(async ({ name }) => {
      const details = await probe(`${origin}/api/show`, { model: name });
      const served = servedContext(loaded.get(name), details, Number(contextLength));
      return modelOf(String(name), isObject(details) ? details : {}, served);
    }),
  );
  const models = shown.filter((model) => model !== null);
  const hint = models.length > 0 ? contextHint(models) : 'It has no chat model yet: ollama pull llama3.2';
  return { kind: 'ollama', label: 'Ollama', baseUrl: `${origin}/v1`, models, hint };
}

function modelOf(name: string, details: JsonObject, served: number | undefined): FoundModel | null {
  const told = Array.isArray(details['capabilities']) ? (details['capabilities'] as unknown[]) : null;
  if (told && !told.includes('completion')) return null;
  const capabilities = (told ?? []).flatMap((word) => ownField(CAPABILITY, String(word)) ?? []);
  const info = isObject(details['model_info']) ? details['model_info'] : {};
  const possible = tokensOf(
    ...Object.entries(info).flatMap(([key, value]) => (key.endsWith('.context_length') ? value : [])),
  );
  const contextWindow = Math.min(served ?? USUAL_CONTEXT, possible ?? Infinity);
  return { name, contextWindow, capabilities: ['json', ...capabilities] };
}

/**
 * What the server really serves, in the order in which Ollama decides it; the model's own maximum is only its bound.
 * `parameters` of `/api/show` is the text of a Modelfile: `num_ctx    8192`.
 */
function servedContext(loaded: JsonObject | undefined, details: unknown, fromEnv: number): number | undefined {
  const parameters = isObject(details) && typeof details['parameters'] === 'string' ? details['parameters'] : '';
  const numCtx = Number(/^num_ctx\s+(\d+)/m.exec(parameters)?.[1]);
  return tokensOf(loaded?.['context_length'], numCtx, fromEnv);
}

function contextHint(models: readonly FoundModel[]): string | undefined {
  if (models.some(({ contextWindow = 0 }) => contextWindow > USUAL_CONTEXT)) return undefined;
  return `Prompts over ${USUAL_CONTEXT} tokens go elsewhere; OLLAMA_CONTEXT_LENGTH, set for Ollama and here, raises that`;
}
