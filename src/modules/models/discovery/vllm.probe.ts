import { chatModels, foundModel, parameterCount, type LocalServer } from './found-model.js';
import { modelsOwnedBy } from './probe-json.js';

/**
 * vLLM: `GET /v1/models` is owned by "vllm" and tells `max_model_len`; an adapter (LoRA) has that of its `parent`, and
 * several served names of one model have one `root`. It does not say whether it was started with tool calling, so tools
 * are not assumed.
 *
 * @see https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
 */
export const VLLM: LocalServer = {
  kind: 'vllm',
  label: 'vLLM',
  async models(ask) {
    const owned = modelsOwnedBy((await ask('/v1/models')).json, 'vllm');
    if (!owned) return null;
    const byId = new Map<unknown, (typeof owned)[number]>(owned.map((entry) => [entry.id, entry]));
    const isFirstName = ({ id, root, parent }: (typeof owned)[number]) =>
      typeof parent === 'string' || !root || owned.find((entry) => entry['root'] === root)?.id === id;
    return chatModels(owned.filter(isFirstName), 'id').map((entry) => {
      const parent = byId.get(entry['parent']);
      return foundModel(entry.id, {
        windows: [entry['max_model_len'], parent?.['max_model_len']],
        can: { json: true },
        size: parameterCount(undefined, entry.id) ?? parameterCount(parent?.['root'] ?? entry['root'], ''),
      });
    });
  },
};
