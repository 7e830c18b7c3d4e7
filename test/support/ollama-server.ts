import { status } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-script.js';
import { UpstreamServer } from './upstream-server.js';

/** A model as Ollama would describe it. */
export interface OllamaModel {
  readonly name: string;
  /** Such as `3.2B`. */
  readonly size?: string;
  readonly capabilities?: readonly string[];
  /** The most tokens the model can take. */
  readonly contextLength?: number;
  /** What it is loaded with; left out: it is not loaded. */
  readonly loadedWith?: number;
}

/** A model server that also speaks Ollama's own API, on a given port or a free one. */
export async function startOllama(models: readonly OllamaModel[], port = 0): Promise<UpstreamServer> {
  return offer(await UpstreamServer.start({ model: models[0]?.name ?? 'none', port }), models);
}

/** From now on the server has these models. */
export function offer(server: UpstreamServer, models: readonly OllamaModel[]): UpstreamServer {
  const entries = models.map((model) => ({
    ...{ name: model.name, model: model.name, modified_at: '2026-11-01T10:00:00Z', size: 1 },
    ...{ digest: `${model.name}-1`, details: { family: 'llama', parameter_size: model.size ?? '' } },
    ...(model.loadedWith ? { context_length: model.loadedWith } : {}),
  }));
  const loaded = entries.filter((entry) => 'context_length' in entry);
  const show: Behaviour = (request, name) => {
    const model = models.find((candidate) => candidate.name === request.body?.model);
    if (!model) return status(404, { error: 'model not found' })(request, name);
    const info = { 'general.architecture': 'llama', 'llama.context_length': model.contextLength ?? 131_072 };
    const capabilities = model.capabilities ?? ['completion', 'tools'];
    return status(200, { details: {}, model_info: info, capabilities })(request, name);
  };
  return server
    .respondTo('/api/tags', status(200, { models: entries }))
    .respondTo('/api/ps', status(200, { models: loaded }))
    .respondTo('/api/show', show);
}
