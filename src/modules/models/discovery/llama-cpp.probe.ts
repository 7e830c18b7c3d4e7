import {
  choice,
  isObject,
  modelsOwnedBy,
  objectsIn,
  tokensOf,
  type FoundServer,
  type JsonObject,
} from './found-model.js';
import type { ProbeJson } from './probe-json.js';

/**
 * llama.cpp's llama-server: `GET /v1/models` is owned by "llamacpp", `GET /props` tells the context of a slot, what the
 * chat template can and which modalities there are. One that serves embeddings only says so in `models[].capabilities`.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
 */
export async function probeLlamaCpp(origin: string, probe: ProbeJson): Promise<FoundServer | null> {
  const [list, told] = await Promise.all([probe(`${origin}/v1/models`), probe(`${origin}/props`)]);
  const owned = modelsOwnedBy(list, 'llamacpp');
  if (owned.length === 0) return null;
  const cannotChat = new Set(
    objectsIn(list, 'models')
      .filter(lacksCompletion)
      .map((entry) => entry['name']),
  );
  const props = isObject(told) ? told : {};
  const models = choice(owned, isLoaded)
    .filter(({ id }) => !cannotChat.has(id))
    .map((entry) => ({ name: entry.id, contextWindow: contextOf(props, entry), capabilities: capabilitiesOf(props) }));
  return { kind: 'llamacpp', label: 'llama.cpp', baseUrl: `${origin}/v1`, models };
}

function lacksCompletion({ capabilities }: JsonObject): boolean {
  return Array.isArray(capabilities) && !capabilities.includes('completion');
}

/** In router mode llama-server lists models that it would load on demand. */
function isLoaded({ status }: JsonObject): boolean {
  return isObject(status) && status['value'] === 'loaded';
}

function contextOf(props: JsonObject, entry: JsonObject): number | undefined {
  const settings = isObject(props['default_generation_settings']) ? props['default_generation_settings'] : {};
  const meta = isObject(entry['meta']) ? entry['meta'] : {};
  return tokensOf(settings['n_ctx'], meta['n_ctx']);
}

function capabilitiesOf(props: JsonObject): readonly ('json' | 'tools' | 'vision')[] {
  const template = isObject(props['chat_template_caps']) ? props['chat_template_caps'] : {};
  const modalities = isObject(props['modalities']) ? props['modalities'] : {};
  return [
    'json',
    ...(template['supports_tools'] === true ? (['tools'] as const) : []),
    ...(modalities['vision'] === true ? (['vision'] as const) : []),
  ];
}
