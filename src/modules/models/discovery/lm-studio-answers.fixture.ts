import type { Answers } from './real-answers.fixture.js';

const lmStudio = (key: string, size: string | null, more: object) => ({
  type: 'llm',
  publisher: 'lmstudio-community',
  key,
  display_name: key,
  architecture: 'llama',
  quantization: { name: 'Q4_K_M', bits_per_weight: 4 },
  size_bytes: 241410208,
  params_string: size,
  loaded_instances: [],
  format: 'gguf',
  description: null,
  variants: [`${key}@q4_k_m`],
  selected_variant: `${key}@q4_k_m`,
  ...more,
});
/**
 * Since 0.4.0; `reasoning` since 0.4.7. An instance beyond the first has an id of its own (`:2`); the key names the model.
 *
 * @see https://lmstudio.ai/docs/developer/rest/list, https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1659
 */
export const LM_STUDIO: Answers = {
  'GET /api/v1/models': {
    models: [
      lmStudio('qwen/qwen3.6-35b-a3b', '35B-A3B', {
        max_context_length: 262144,
        capabilities: {
          vision: true,
          trained_for_tool_use: true,
          reasoning: { allowed_options: ['off', 'on'], default: 'on' },
        },
      }),
      {
        type: 'embedding',
        publisher: 'gaianet',
        key: 'text-embedding-nomic-embed-text-v1.5-embedding',
        display_name: 'Nomic Embed Text v1.5',
        quantization: { name: 'F16', bits_per_weight: 16 },
        size_bytes: 274290560,
        params_string: null,
        loaded_instances: [],
        max_context_length: 2048,
        format: 'gguf',
      },
      lmStudio('gemma-3-270m-it-qat', '270M', {
        loaded_instances: [
          { id: 'gemma-3-270m-it-qat', config: { context_length: 4096, flash_attention: true } },
          { id: 'gemma-3-270m-it-qat:2', config: { context_length: 8192 } },
        ],
        max_context_length: 32768,
        capabilities: { vision: false, trained_for_tool_use: false },
      }),
    ],
  },
};

const lmStudioV0 = (id: string, type: string, more: object) => ({
  id,
  object: 'model',
  type,
  publisher: 'lmstudio-community',
  arch: 'llama',
  compatibility_type: 'gguf',
  quantization: 'Q4_K_M',
  ...more,
});
const UNEXPECTED = (route: string) => ({ error: `Unexpected endpoint or method. (${route})` });
/** 0.3.6 to 0.3.39; unknown routes answer 200. @see https://lmstudio.ai/docs/developer/rest/endpoints */
export const LM_STUDIO_V0: Answers = {
  'GET /api/v1/models': UNEXPECTED('GET /api/v1/models'),
  'GET /api/v0/models': {
    object: 'list',
    data: [
      lmStudioV0('qwen2-vl-7b-instruct', 'vlm', { state: 'not-loaded', max_context_length: 32768 }),
      lmStudioV0('text-embedding-nomic-embed-text-v1.5', 'embeddings', {
        state: 'not-loaded',
        max_context_length: 2048,
      }),
      lmStudioV0('meta-llama-3.1-8b-instruct', 'llm', {
        state: 'loaded',
        max_context_length: 131072,
        loaded_context_length: 20000,
        capabilities: ['tool_use'],
      }),
    ],
  },
};

/** Before 0.3.6; unknown routes answer 200. */
export const OLD_LM_STUDIO: Answers = {
  'GET /api/v1/models': UNEXPECTED('GET /api/v1/models'),
  'GET /api/v0/models': UNEXPECTED('GET /api/v0/models'),
  'GET /v1/models': {
    data: [{ id: 'google/gemma-3-12b', object: 'model', owned_by: 'organization_owner' }],
    object: 'list',
  },
};
