import { choice, isChatModelName, modelsOwnedBy, tokensOf, type FoundServer } from './found-model.js';
import { parameterCount } from './model-size.js';
import type { ProbeJson } from './probe-json.js';

/**
 * vLLM: `GET /v1/models` is owned by "vllm" and tells `max_model_len`; an adapter (LoRA) has that of its `parent`, and
 * several served names of one model have one `root`. It does not say whether it was started with tool calling, so tools
 * are not assumed.
 *
 * @see https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
 */
export async function probeVllm(origin: string, probe: ProbeJson): Promise<FoundServer | null> {
  const owned = modelsOwnedBy((await probe(`${origin}/v1/models`)).json, 'vllm');
  if (owned.length === 0) return null;
  const byId = new Map<unknown, (typeof owned)[number]>(owned.map((entry) => [entry.id, entry]));
  const isFirstName = ({ id, root, parent }: (typeof owned)[number]) =>
    typeof parent === 'string' || !root || owned.find((entry) => entry['root'] === root)?.id === id;
  const models = choice(owned.filter((entry) => isChatModelName(entry.id) && isFirstName(entry))).map((entry) => {
    const parent = byId.get(entry['parent']);
    const root = parent?.['root'] ?? entry['root'];
    return {
      name: entry.id,
      contextWindow: tokensOf(entry['max_model_len'], parent?.['max_model_len']),
      capabilities: ['json' as const],
      parameters: parameterCount(undefined, entry.id) ?? parameterCount(root, ''),
    };
  });
  return { kind: 'vllm', label: 'vLLM', baseUrl: `${origin}/v1`, models };
}
