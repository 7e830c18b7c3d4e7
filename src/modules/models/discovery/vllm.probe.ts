import { choice, modelsOwnedBy, tokensOf, type FoundServer } from './found-model.js';
import type { ProbeJson } from './probe-json.js';

/**
 * vLLM: `GET /v1/models` is owned by "vllm" and tells `max_model_len`; an adapter (LoRA) has that of its `parent`. It
 * does not say whether it was started with tool calling, so tools are not assumed.
 *
 * @see https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
 */
export async function probeVllm(origin: string, probe: ProbeJson): Promise<FoundServer | null> {
  const owned = modelsOwnedBy(await probe(`${origin}/v1/models`), 'vllm');
  if (owned.length === 0) return null;
  const length = new Map<unknown, unknown>(owned.map((entry) => [entry.id, entry['max_model_len']]));
  const models = choice(owned).map((entry) => ({
    name: entry.id,
    contextWindow: tokensOf(entry['max_model_len'], length.get(entry['parent'])),
    capabilities: ['json' as const],
  }));
  return { kind: 'vllm', label: 'vLLM', baseUrl: `${origin}/v1`, models };
}
