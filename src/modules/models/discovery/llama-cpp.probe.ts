import type { Capability } from '../../../common/target.js';
import {
  choice,
  isChatModelName,
  modelsOwnedBy,
  objectIn,
  objectsIn,
  tokensOf,
  wordsIn,
  type FoundModel,
  type FoundServer,
  type JsonObject,
} from './found-model.js';
import { parameterCount } from './model-size.js';
import type { ProbeAnswer, ProbeJson } from './probe-json.js';

/** What templates of models that think before they answer have in them. */
const THINKS = /enable_thinking|<think>|reasoning_content/;

/**
 * llama.cpp's llama-server: `GET /v1/models` is owned by "llamacpp" and open even where the server wants a key,
 * `GET /props` tells the context of a slot, what the chat template can and which modalities there are. In router mode
 * (`role`) it lists models that it would load on demand, and `/props` describes one at a time. One that serves embeddings
 * only says so in `models[].capabilities`, a model that only decides in `architecture.output_modalities`. While it loads
 * its model it answers 503 to everything.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
 */
export async function probeLlamaCpp(origin: string, probe: ProbeJson): Promise<FoundServer | null> {
  const [list, props] = await Promise.all([probe(`${origin}/v1/models`), probe(`${origin}/props`)]);
  const owned = modelsOwnedBy(list.json, 'llamacpp');
  if (owned.length === 0 || props.state === 'denied') return null;
  const cannotChat = new Set(
    objectsIn(list.json, 'models')
      .filter((entry) => !(wordsIn(entry, 'capabilities')?.includes('completion') ?? true))
      .map((entry) => entry['name']),
  );
  const chat = owned.filter((entry) => isChatModelName(entry.id) && !cannotChat.has(entry.id) && writesText(entry));
  const isRouter = objectIn({ props: props.json }, 'props')['role'] === 'router';
  const models = await Promise.all(
    choice(chat, isLoaded).map(async (entry) => {
      const told = isRouter && isLoaded(entry) ? await propsOf(origin, entry.id, probe) : props;
      return modelOf(entry.id, entry, isRouter && told === props ? { state: 'other' } : told);
    }),
  );
  return { kind: 'llamacpp', label: 'llama.cpp', baseUrl: `${origin}/v1`, models };
}

const propsOf = (origin: string, model: string, probe: ProbeJson): Promise<ProbeAnswer> =>
  probe(`${origin}/props?model=${encodeURIComponent(model)}&autoload=false`);

/** A model that is still being downloaded does nothing yet. */
function writesText(entry: JsonObject): boolean {
  const writes = wordsIn(objectIn(entry, 'architecture'), 'output_modalities')?.includes('text') ?? true;
  return writes && objectIn(entry, 'status')['value'] !== 'downloading';
}

function isLoaded(entry: JsonObject): boolean {
  return objectIn(entry, 'status')['value'] === 'loaded';
}

function modelOf(name: string, entry: JsonObject, { state, json }: ProbeAnswer): FoundModel {
  const settings = objectIn(json, 'default_generation_settings');
  const meta = objectIn(entry, 'meta');
  return {
    name,
    contextWindow: tokensOf(settings['n_ctx'], meta['n_ctx'], startedWith(entry), meta['n_ctx_train']),
    capabilities: capabilitiesOf(json, entry),
    parameters: parameterCount(meta['n_params'], name),
    ...(state === 'silent' ? { partial: true } : {}),
  };
}

/** Router mode: the context of a slot, from the arguments that a model is (or would be) started with. */
function startedWith(entry: JsonObject): number | undefined {
  const args = wordsIn(objectIn(entry, 'status'), 'args') ?? [];
  const valueOf = (...names: unknown[]): number => {
    const at = args.findLastIndex((arg) => names.includes(arg));
    return at < 0 ? NaN : Number(args[at + 1]);
  };
  const slots = Math.max(1, valueOf('--parallel', '-np') || 1);
  return tokensOf(Math.floor(valueOf('--ctx-size', '-c', '-ctx') / slots));
}

function capabilitiesOf(props: unknown, entry: JsonObject): readonly Capability[] {
  const template = objectIn(props, 'chat_template_caps');
  const reads = wordsIn(objectIn(entry, 'architecture'), 'input_modalities') ?? [];
  const sees = objectIn(props, 'modalities')['vision'] === true || reads.includes('image');
  const thinks = THINKS.test(String(objectIn({ props }, 'props')['chat_template']));
  return [
    'json',
    ...(template['supports_tools'] === true ? (['tools'] as const) : []),
    ...(sees ? (['vision'] as const) : []),
    ...(thinks ? (['reasoning'] as const) : []),
  ];
}
