/**
 * What the five servers really answer, shortened to a few models: route -> JSON. For specs only. Each says where its
 * shape was read, in November 2026.
 */
export type Answers = Readonly<Record<string, unknown>>;

const details = (family: string, size: string) => ({
  parent_model: '',
  format: 'gguf',
  family,
  families: [family],
  parameter_size: size,
  quantization_level: 'Q4_K_M',
});
const tag = (name: string, family: string, size: string, more: object = {}) => ({
  name,
  model: name,
  modified_at: '2026-11-01T10:00:00.123456789+01:00',
  size: 2019393189,
  digest: `a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b7${name.length}`,
  details: details(family, size),
  ...more,
});

/**
 * `POST /api/show` answers are keyed by model. Newer versions tell capabilities in the list too; `context_length` of
 * `/api/ps` is what the model was loaded with.
 *
 * @see https://github.com/ollama/ollama/blob/main/docs/api.md and api/types.go (ListModelResponse, ProcessModelResponse)
 */
export const OLLAMA: Answers = {
  'GET /api/tags': {
    models: [
      tag('nomic-embed-text:latest', 'nomic-bert', '137M'),
      tag('qwen3:8b', 'qwen3', '8.2B'),
      tag('gpt-oss:120b-cloud', 'gptoss', '116.8B', {
        remote_model: 'gpt-oss:120b',
        remote_host: 'https://ollama.com:443',
      }),
      tag('llama3.2:latest', 'llama', '3.2B', { capabilities: ['completion', 'tools'] }),
      tag('mystery:1b', 'llama', '1B'),
      tag('x/z-image-turbo:latest', 'z-image', '10.3B', { capabilities: ['image'] }),
    ],
  },
  'GET /api/ps': {
    models: [
      {
        ...tag('llama3.2:latest', 'llama', '3.2B'),
        expires_at: '2026-11-23T10:05:00Z',
        size_vram: 1,
        context_length: 16384,
      },
    ],
  },
  'POST /api/show llama3.2:latest': {
    parameters: 'stop    "<|eot_id|>"',
    template: '{{ .Prompt }}',
    details: details('llama', '3.2B'),
    model_info: {
      'general.architecture': 'llama',
      'general.parameter_count': 3212749888,
      'llama.context_length': 131072,
      'tokenizer.ggml.tokens': null,
    },
    capabilities: ['completion', 'tools'],
    modified_at: '2026-11-01T10:00:00.123456789+01:00',
  },
  'POST /api/show qwen3:8b': {
    parameters: 'num_ctx                        65536\ntemperature                    0.6',
    details: details('qwen3', '8.2B'),
    model_info: { 'general.architecture': 'qwen3', 'qwen3.context_length': 40960 },
    capabilities: ['completion', 'tools', 'thinking', 'vision'],
  },
  'POST /api/show mystery:1b': {
    details: details('llama', '1B'),
    model_info: { 'bert.context_length': 512 },
    capabilities: ['embedding'],
  },
};

/**
 * One model. `meta.n_ctx` came in 2026; a build before it has only `n_ctx_train`, which is not what is served.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md,
 *   https://mvysny.github.io/llama-server-endpoints/ (build b8681)
 */
export const LLAMA_CPP: Answers = {
  'GET /v1/models': {
    models: [
      {
        name: '/srv/models/Qwen3 VL.gguf',
        model: '/srv/models/Qwen3 VL.gguf',
        type: 'model',
        capabilities: ['completion', 'multimodal'],
        details: { format: 'gguf', family: '', parameter_size: '' },
      },
    ],
    object: 'list',
    data: [
      {
        id: '/srv/models/Qwen3 VL.gguf',
        aliases: ['/srv/models/Qwen3 VL.gguf'],
        tags: [],
        architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
        object: 'model',
        created: 1763900000,
        owned_by: 'llamacpp',
        meta: {
          ...{ vocab_type: 2, n_vocab: 151936, n_ctx: 12288, n_ctx_train: 40960, n_embd: 2560 },
          ...{ n_params: 4022468096, size: 2489757856, ftype: 'Q4_K - Medium' },
        },
      },
    ],
  },
  'GET /props': {
    default_generation_settings: { id: 0, n_ctx: 12288, speculative: false, is_processing: false, params: {} },
    total_slots: 1,
    model_alias: '/srv/models/Qwen3 VL.gguf',
    model_path: '/srv/models/Qwen3 VL.gguf',
    modalities: { vision: true, audio: false },
    chat_template: '{%- if enable_thinking is defined %}...',
    chat_template_caps: { supports_tools: true, supports_tool_calls: true, supports_system_role: true },
    build_info: 'b8681-Debian',
    is_sleeping: false,
  },
};

/** Router mode (started without a model): what would be loaded on demand, with the arguments of each. */
export const LLAMA_CPP_ROUTER: Answers = {
  'GET /v1/models': {
    object: 'list',
    data: [
      {
        id: 'ggml-org/Qwen3-1.7B-GGUF:Q8_0',
        object: 'model',
        owned_by: 'llamacpp',
        created: 1763900000,
        status: { value: 'loaded', args: ['llama-server', '--ctx-size', '65536', '--parallel', '4'] },
      },
      {
        id: 'ggml-org/gpt-oss-20b-GGUF:MXFP4',
        object: 'model',
        owned_by: 'llamacpp',
        created: 1763900000,
        path: '/home/me/.cache/llama.cpp/gpt-oss-20b-mxfp4.gguf',
        architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
        status: { value: 'unloaded', args: ['llama-server', '-c', '32768', '-np', '2'] },
        meta: null,
      },
      {
        id: 'ggml-org/openjev-4b-GGUF:Q8_0',
        object: 'model',
        owned_by: 'llamacpp',
        created: 1763900000,
        architecture: { input_modalities: ['text'], output_modalities: ['decisions'] },
        status: { value: 'unloaded' },
      },
      {
        id: 'ggml-org/embeddinggemma-300M-GGUF:Q8_0',
        object: 'model',
        owned_by: 'llamacpp',
        created: 1763900000,
        status: { value: 'unloaded', args: ['llama-server'], failed: true, exit_code: 1 },
      },
    ],
  },
  'GET /props': { role: 'router', max_instances: 4, models_autoload: true, default_generation_settings: { n_ctx: 0 } },
  'GET /props?model=ggml-org%2FQwen3-1.7B-GGUF%3AQ8_0&autoload=false': {
    default_generation_settings: { n_ctx: 16384, params: {} },
    chat_template_caps: { supports_tools: true },
    modalities: { vision: false, audio: false },
  },
};

const vllm = (id: string, more: object) => ({ id, object: 'model', created: 1, owned_by: 'vllm', root: id, ...more });
/**
 * Two served names of one model, and an adapter. @see https://docs.vllm.ai (openai/protocol.py: ModelCard, whose
 * `permission` is long and of no use here)
 */
export const VLLM: Answers = {
  'GET /v1/models': {
    object: 'list',
    data: [
      vllm('llama', { root: 'meta-llama/Llama-3.1-8B-Instruct', parent: null, max_model_len: 8096, permission: [] }),
      vllm('default', { root: 'meta-llama/Llama-3.1-8B-Instruct', parent: null, max_model_len: 8096, permission: [] }),
      vllm('sql-lora', { root: '/adapters/sql', parent: 'llama', max_model_len: null, permission: [] }),
    ],
  },
};

const foundry = (id: string, more: object) => ({ id, object: 'model', created: 1, owned_by: 'Microsoft', ...more });
/**
 * The cached models. Since CLI 0.10 ids have no version, `parent` is the alias, and `/foundry/list`, `/openai/models` and
 * `/openai/status` are gone, so nothing is asked but this.
 *
 * @see https://learn.microsoft.com/azure/foundry-local/reference/reference-rest
 */
export const FOUNDRY: Answers = {
  'GET /v1/models': {
    data: [
      foundry('Phi-4-mini-instruct-generic-cpu:5', {
        vision: false,
        toolCalling: true,
        maxInputTokens: 3696,
        maxOutputTokens: 4096,
      }),
      foundry('qwen3-0.6b-generic-cpu', { parent: 'qwen3-0.6b' }),
      foundry('openai-whisper-tiny-generic-cpu:1', {}),
    ],
    IsDelta: false,
    Successful: true,
    HttpStatusCode: 0,
    object: 'list',
  },
};
