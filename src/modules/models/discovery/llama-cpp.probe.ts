import { chatModels, foundModel, tokensOf, type FoundModel, type LocalServer, type ToldModel } from './found-model.js';
import {
  listIn,
  modelsOwnedBy,
  objectIn,
  objectsIn,
  type Ask,
  type JsonObject,
  type ProbeAnswer,
} from './probe-json.js';

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
export const LLAMA_CPP: LocalServer = {
  kind: 'llamacpp',
  label: 'llama.cpp',
  async models(ask) {
    const [list, props] = await Promise.all([ask('/v1/models'), ask('/props')]);
    const owned = modelsOwnedBy(list.json, 'llamacpp');
    if (!owned || props.state === 'denied') return null;
    const cannotChat = new Set(
      objectsIn(list.json, 'models')
        .filter((entry) => !(listIn(entry, 'capabilities')?.includes('completion') ?? true))
        .map((entry) => entry['name']),
    );
    const chat = owned.filter((entry) => !cannotChat.has(entry.id) && writesText(entry));
    const isRouter = objectIn({ props: props.json }, 'props')['role'] === 'router';
    const describe = async (entry: JsonObject & { readonly id: string }): Promise<FoundModel> =>
      modelOf(entry.id, entry, isRouter ? await propsOf(entry, ask) : props);
    return Promise.all(chatModels(chat, 'id', isLoaded).map(describe));
  },
};

/** In router mode; asking for a model that is not loaded would load it. */
async function propsOf(entry: JsonObject, ask: Ask): Promise<ProbeAnswer> {
  if (!isLoaded(entry)) return { state: 'other' };
  return ask(`/props?model=${encodeURIComponent(String(entry['id']))}&autoload=false`);
}

/** A model that is still being downloaded does nothing yet. */
function writesText(entry: JsonObject): boolean {
  const writes = listIn(objectIn(entry, 'architecture'), 'output_modalities')?.includes('text') ?? true;
  return writes && objectIn(entry, 'status')['value'] !== 'downloading';
}

function isLoaded(entry: JsonObject): boolean {
  return objectIn(entry, 'status')['value'] === 'loaded';
}

function modelOf(name: string, entry: JsonObject, { state, json }: ProbeAnswer): FoundModel {
  const settings = objectIn(json, 'default_generation_settings');
  const meta = objectIn(entry, 'meta');
  return foundModel(name, {
    windows: [settings['n_ctx'], meta['n_ctx'], startedWith(entry), meta['n_ctx_train']],
    can: abilities(json, entry),
    size: meta['n_params'],
    isPartial: state === 'silent',
  });
}

/** Router mode: the context of a slot, from the arguments that a model is (or would be) started with. */
function startedWith(entry: JsonObject): number | undefined {
  const args = listIn(objectIn(entry, 'status'), 'args') ?? [];
  const valueOf = (...names: unknown[]): number => {
    const at = args.findLastIndex((arg) => names.includes(arg));
    return at < 0 ? NaN : Number(args[at + 1]);
  };
  const slots = Math.max(1, valueOf('--parallel', '-np') || 1);
  return tokensOf([Math.floor(valueOf('--ctx-size', '-c', '-ctx') / slots)]);
}

function abilities(props: unknown, entry: JsonObject): ToldModel['can'] {
  const reads = listIn(objectIn(entry, 'architecture'), 'input_modalities') ?? [];
  return {
    json: true,
    tools: objectIn(props, 'chat_template_caps')['supports_tools'] === true,
    vision: objectIn(props, 'modalities')['vision'] === true || reads.includes('image'),
    reasoning: THINKS.test(String(objectIn({ props }, 'props')['chat_template'])),
  };
}
