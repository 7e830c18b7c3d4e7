import { isFields } from '../../../common/json/fields.js';
import { chatModels, foundModel, type FoundModel, type LocalServer } from './found-model.js';
import { listIn, modelsOwnedBy, objectIn, objectsIn, type Ask, type JsonObject } from './probe-json.js';

/** `embedding` is the other type of v1, `embeddings` that of v0. */
const CHAT_TYPES: readonly unknown[] = ['llm', 'vlm'];
/** Who owns every model in LM Studio's OpenAI-compatible list. */
const OWNER = 'organization_owner';
/** Options of a model's `reasoning` that mean that it does not reason. */
const NO_REASONING: readonly unknown[] = ['off', 'none', false];

/**
 * LM Studio: `GET /api/v1/models` (since 0.4.0) tells type, size, loaded instances and context; `/api/v0/models` (since
 * 0.3.6) less of it; older versions have only `/v1/models`. One is asked after the other, as LM Studio writes every
 * request for something it does not know into its console. It knows no `response_format` json_object, hence no
 * capability json.
 *
 * @see https://lmstudio.ai/docs/developer/rest/list
 */
export const LM_STUDIO: LocalServer = {
  kind: 'lmstudio',
  label: 'LM Studio',
  models: async (ask) => (await modelsOfV1(ask)) ?? (await modelsOfV0(ask)) ?? (await plainModels(ask)),
  hint: (models) => (models.length > 0 ? undefined : 'It has no chat model yet: download one in LM Studio'),
};

async function modelsOfV1(ask: Ask): Promise<readonly FoundModel[] | null> {
  const { json } = await ask('/api/v1/models');
  if (!listIn(json, 'models')) return null;
  const entries = objectsIn(json, 'models');
  if (!entries.every((entry) => typeof entry['key'] === 'string' && 'type' in entry)) return null;
  const isLoaded = (entry: JsonObject) => objectsIn(entry, 'loaded_instances').length > 0;
  return chatModels(entries.filter(isChat), 'key', isLoaded).map(modelOfV1);
}

/** A model that is not loaded will be, with a context nobody tells; its maximum bounds that. */
function modelOfV1(entry: JsonObject): FoundModel {
  const [loaded] = objectsIn(entry, 'loaded_instances');
  const { vision, trained_for_tool_use: tools, reasoning } = objectIn(entry, 'capabilities');
  return foundModel(String(entry['key']), {
    windows: [objectIn(loaded, 'config')['context_length'], entry['max_context_length']],
    can: { tools: tools === true, vision: vision === true, reasoning: reasons(reasoning) },
    size: entry['params_string'],
  });
}

/** `true`, or since 0.4.7 `{ allowed_options: ["off", "on"], default: "on" }`. */
function reasons(told: unknown): boolean {
  if (!isFields(told)) return told === true;
  return (listIn(told, 'allowed_options') ?? []).some((option) => !NO_REASONING.includes(option));
}

async function modelsOfV0(ask: Ask): Promise<readonly FoundModel[] | null> {
  const { json } = await ask('/api/v0/models');
  const entries = objectsIn(json, 'data').filter((entry) => 'type' in entry);
  if (entries.length === 0) return null;
  return chatModels(entries.filter(isChat), 'id', ({ state }) => state === 'loaded').map((entry) =>
    foundModel(String(entry['id']), {
      windows: [entry['loaded_context_length'], entry['max_context_length']],
      can: {
        tools: listIn(entry, 'capabilities')?.includes('tool_use') ?? false,
        vision: entry['type'] === 'vlm',
      },
    }),
  );
}

const isChat = ({ type }: JsonObject): boolean => CHAT_TYPES.includes(type);

async function plainModels(ask: Ask): Promise<readonly FoundModel[] | null> {
  const owned = modelsOwnedBy((await ask('/v1/models')).json, OWNER);
  return owned && chatModels(owned, 'id').map(({ id }) => foundModel(id, { windows: [], can: {} }));
}
