import {
  choice,
  isChatModelName,
  modelsOwnedBy,
  objectsIn,
  tokensOf,
  USUAL_CONTEXT,
  type FoundModel,
  type FoundServer,
  type JsonObject,
} from './found-model.js';
import type { ProbeJson } from './probe-json.js';

const CHAT_TYPES: readonly unknown[] = ['llm', 'vlm'];
const TYPES: readonly unknown[] = [...CHAT_TYPES, 'embeddings'];
/** Who owns every model in LM Studio's OpenAI-compatible list. */
const OWNER = 'organization_owner';

/**
 * LM Studio: `GET /api/v0/models` tells type, state and context; versions before 0.3.6 have only `/v1/models`. It knows
 * no `response_format` json_object, hence no capability json.
 *
 * @see https://lmstudio.ai/docs/developer/rest/endpoints
 */
export async function probeLmStudio(origin: string, probe: ProbeJson): Promise<FoundServer | null> {
  const [rich, plain] = await Promise.all([probe(`${origin}/api/v0/models`), probe(`${origin}/v1/models`)]);
  const described = objectsIn(rich, 'data').filter((entry) => TYPES.includes(entry['type']) && 'state' in entry);
  const models = described.length > 0 ? describedModels(described) : plainModels(plain);
  if (described.length === 0 && models.length === 0) return null;
  const hint = models.length > 0 ? undefined : 'It has no chat model yet: download one in LM Studio';
  return { kind: 'lmstudio', label: 'LM Studio', baseUrl: `${origin}/v1`, models, hint };
}

function describedModels(entries: readonly JsonObject[]): readonly FoundModel[] {
  const chat = entries.filter((entry) => CHAT_TYPES.includes(entry['type']) && isChatModelName(entry['id']));
  return choice(chat, isLoaded).map((entry) => {
    const told = Array.isArray(entry['capabilities']) ? (entry['capabilities'] as unknown[]) : [];
    return {
      name: String(entry['id']),
      contextWindow: contextOf(entry),
      capabilities: [
        ...(told.includes('tool_use') ? (['tools'] as const) : []),
        ...(entry['type'] === 'vlm' ? (['vision'] as const) : []),
      ],
    };
  });
}

function plainModels(list: unknown): readonly FoundModel[] {
  return choice(modelsOwnedBy(list, OWNER)).map(({ id }) => ({ name: id, capabilities: [] }));
}

const isLoaded = (entry: JsonObject): boolean => entry['state'] === 'loaded';

/** A model that is not loaded will be, with the usual context; its maximum only bounds that. */
function contextOf(entry: JsonObject): number | undefined {
  const possible = tokensOf(entry['max_context_length']);
  if (isLoaded(entry)) return tokensOf(entry['loaded_context_length']) ?? possible;
  return Math.min(USUAL_CONTEXT, possible ?? Infinity);
}
