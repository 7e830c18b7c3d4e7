/** What the five servers really answer, shortened to one or two models: route -> JSON. For specs only. */
export type Answers = Readonly<Record<string, unknown>>;

const details = { parent_model: '', format: 'gguf', family: 'llama', families: ['llama'], parameter_size: '3.2B' };
const tag = (name: string, more: object = {}) => ({
  name,
  model: name,
  modified_at: '2026-11-01T10:00:00Z',
  size: 2019393189,
  digest: 'a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72',
  details,
  ...more,
});

/** `POST /api/show` answers are keyed by model. */
export const OLLAMA: Answers = {
  'GET /api/tags': {
    models: [
      tag('nomic-embed-text:latest'),
      tag('qwen3:8b'),
      tag('gpt-oss:120b-cloud', { remote_model: 'gpt-oss:120b', remote_host: 'https://ollama.com:443' }),
      tag('llama3.2:3b'),
      tag('mystery:1b'),
    ],
  },
  'GET /api/ps': {
    models: [{ ...tag('llama3.2:3b'), expires_at: '2026-11-23T10:05:00Z', size_vram: 1, context_length: 16384 }],
  },
  'POST /api/show llama3.2:3b': {
    parameters: 'stop    "<|eot_id|>"',
    details,
    model_info: { 'general.architecture': 'llama', 'llama.context_length': 131072 },
    capabilities: ['completion', 'tools'],
  },
  'POST /api/show qwen3:8b': {
    parameters: 'num_ctx                        65536\ntemperature                    0.6',
    details,
    model_info: { 'qwen3.context_length': 40960 },
    capabilities: ['completion', 'tools', 'thinking', 'vision'],
  },
  'POST /api/show mystery:1b': { details, model_info: { 'bert.context_length': 512 }, capabilities: ['embedding'] },
};

const lmStudio = (id: string, type: string, more: object) => ({
  id,
  object: 'model',
  type,
  publisher: 'lmstudio-community',
  arch: 'llama',
  compatibility_type: 'gguf',
  quantization: 'Q4_K_M',
  ...more,
});
export const LM_STUDIO: Answers = {
  'GET /api/v0/models': {
    object: 'list',
    data: [
      lmStudio('qwen2-vl-7b-instruct', 'vlm', { state: 'not-loaded', max_context_length: 32768 }),
      lmStudio('text-embedding-nomic-embed-text-v1.5', 'embeddings', { state: 'not-loaded', max_context_length: 2048 }),
      lmStudio('meta-llama-3.1-8b-instruct', 'llm', {
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
  'GET /api/v0/models': { error: 'Unexpected endpoint or method. (GET /api/v0/models)' },
  'GET /v1/models': {
    data: [{ id: 'google/gemma-3-12b', object: 'model', owned_by: 'organization_owner' }],
    object: 'list',
  },
};

export const LLAMA_CPP: Answers = {
  'GET /v1/models': {
    models: [{ name: '/srv/models/Qwen3 4B.gguf', model: '/srv/models/Qwen3 4B.gguf', capabilities: ['completion'] }],
    object: 'list',
    data: [
      {
        id: '/srv/models/Qwen3-4B.gguf',
        object: 'model',
        created: 1763900000,
        owned_by: 'llamacpp',
        meta: { vocab_type: 2, n_vocab: 151936, n_ctx_train: 40960, n_embd: 2560 },
      },
    ],
  },
  'GET /props': {
    default_generation_settings: { id: 0, n_ctx: 12288, params: {} },
    total_slots: 1,
    model_path: '/srv/models/Qwen3-4B.gguf',
    chat_template_caps: { supports_tools: true, supports_tool_calls: true },
    modalities: { vision: true, audio: false },
    build_info: 'b8681-Debian',
  },
};

const vllm = (id: string, more: object) => ({ id, object: 'model', created: 1, owned_by: 'vllm', root: id, ...more });
export const VLLM: Answers = {
  'GET /v1/models': {
    object: 'list',
    data: [
      vllm('meta-llama/Llama-3.1-8B-Instruct', { parent: null, max_model_len: 8096, permission: [] }),
      vllm('sql-lora', { parent: 'meta-llama/Llama-3.1-8B-Instruct', max_model_len: null }),
    ],
  },
};

const foundry = (id: string, more: object) => ({ id, object: 'model', created: 1, owned_by: 'Microsoft', ...more });
export const FOUNDRY: Answers = {
  'GET /v1/models': {
    data: [
      foundry('Phi-4-mini-instruct-generic-cpu:5', {
        vision: false,
        toolCalling: true,
        maxInputTokens: 3696,
        maxOutputTokens: 4096,
      }),
      foundry('openai-whisper-tiny-generic-cpu:1', {}),
    ],
    IsDelta: false,
    Successful: true,
    HttpStatusCode: 0,
    object: 'list',
  },
};
