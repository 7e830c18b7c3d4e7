import { isFields } from '../../../common/json/fields.js';
import type { Capability } from '../../../common/target.js';
import {
  choice,
  isChatModelName,
  modelsOwnedBy,
  objectIn,
  objectsIn,
  tokensOf,
  wordsIn,
  type FoundModel,
  type FoundServer,
  type JsonObject,
} from './found-model.js';
import { parameterCount } from './model-size.js';
import type { ProbeJson } from './probe-json.js';

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
export async function probeLmStudio(origin: string, probe: ProbeJson): Promise<FoundServer | null> {
  const models =
    (await modelsOfV1(origin, probe)) ?? (await modelsOfV0(origin, probe)) ?? (await plainModels(origin, probe));
  if (!models) return null;
  const hint = models.length > 0 ? undefined : 'It has no chat model yet: download one in LM Studio';
  return { kind: 'lmstudio', label: 'LM Studio', baseUrl: `${origin}/v1`, models, hint };
}

async function modelsOfV1(origin: string, probe: ProbeJson): Promise<readonly FoundModel[] | null> {
  const { json } = await probe(`${origin}/api/v1/models`);
  if (!isFields(json) || !Array.isArray(json['models'])) return null;
  const entries = objectsIn(json, 'models');
  if (!entries.every((entry) => typeof entry['key'] === 'string' && 'type' in entry)) return null;
  const chat = entries.filter((entry) => CHAT_TYPES.includes(entry['type']) && isChatModelName(entry['key']));
  return choice(chat, (entry) => objectsIn(entry, 'loaded_instances').length > 0).map(modelOfV1);
}

/** A model that is not loaded will be, with a context nobody tells; its maximum bounds that. */
function modelOfV1(entry: JsonObject): FoundModel {
  const name = String(entry['key']);
  const [loaded] = objectsIn(entry, 'loaded_instances');
  const { vision, trained_for_tool_use: tools, reasoning } = objectIn(entry, 'capabilities');
  return {
    name,
    contextWindow: tokensOf(objectIn(loaded, 'config')['context_length'], entry['max_context_length']),
    capabilities: abilities({ tools: tools === true, vision: vision === true, reasoning: reasons(reasoning) }),
    parameters: parameterCount(entry['params_string'], name),
  };
}

/** `true`, or since 0.4.7 `{ allowed_options: ["off", "on"], default: "on" }`. */
function reasons(told: unknown): boolean {
  if (!isFields(told)) return told === true;
  return (wordsIn(told, 'allowed_options') ?? []).some((option) => !NO_REASONING.includes(option));
}

async function modelsOfV0(origin: string, probe: ProbeJson): Promise<readonly FoundModel[] | null> {
  const { json } = await probe(`${origin}/api/v0/models`);
  const entries = objectsIn(json, 'data').filter((entry) => 'type' in entry);
  if (entries.length === 0) return null;
  const chat = entries.filter((entry) => CHAT_TYPES.includes(entry['type']) && isChatModelName(entry['id']));
  return choice(chat, (entry) => entry['state'] === 'loaded').map((entry) => {
    const name = String(entry['id']);
    const told = wordsIn(entry, 'capabilities') ?? [];
    return {
      name,
      contextWindow: tokensOf(entry['loaded_context_length'], entry['max_context_length']),
      capabilities: abilities({ tools: told.includes('tool_use'), vision: entry['type'] === 'vlm', reasoning: false }),
      parameters: parameterCount(undefined, name),
    };
  });
}

async function plainModels(origin: string, probe: ProbeJson): Promise<readonly FoundModel[] | null> {
  const owned = modelsOwnedBy((await probe(`${origin}/v1/models`)).json, OWNER);
  if (owned.length === 0) return null;
  return choice(owned.filter(({ id }) => isChatModelName(id))).map(({ id }) => ({
    name: id,
    capabilities: [],
    parameters: parameterCount(undefined, id),
  }));
}

const abilities = (has: Partial<Record<Capability, boolean>>): Capability[] =>
  (Object.keys(has) as Capability[]).filter((capability) => has[capability]);
