import { ownField, setOwnField, type Fields } from '../../common/json/fields.js';
import { countOf, type Usage } from '../../common/usage.js';
import { codeOf, createdAt, responseIdOf, type ResponseName } from './response-id.js';
import type { ResponsesRequest } from './responses-request.schema.js';

/** Fields of a request that its response says again; kept beside the turn, so that it can be made anew. */
export type Echo = Fields;

const ECHOED = [
  ...['previous_response_id', 'instructions', 'tools', 'tool_choice', 'parallel_tool_calls', 'text', 'reasoning'],
  ...['truncation', 'store', 'metadata', 'max_output_tokens', 'max_tool_calls', 'temperature', 'top_p', 'top_logprobs'],
  ...['user', 'service_tier', 'safety_identifier', 'prompt_cache_key', 'conversation', 'include'],
] as const;

/** What the request says of them, and nothing of what it leaves out. */
export function echoOf(request: ResponsesRequest): Echo {
  const echo: Echo = {};
  for (const name of ECHOED) {
    const value = ownField(request, name) ?? null;
    if (value !== null) setOwnField(echo, name, value);
  }
  return echo;
}

/** Defaults of OpenAI; what is not said is `null`, and no field is ever left out (Open Responses, `ResponseResource`). */
const DEFAULTS = {
  background: false,
  frequency_penalty: 0,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  presence_penalty: 0,
  previous_response_id: null,
  prompt_cache_key: null,
  safety_identifier: null,
  service_tier: 'default',
  store: true,
  temperature: 1,
  tool_choice: 'auto',
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
};

/** How far a response has come; what is not said is `null`. */
export interface ResponseState {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  /** As its server names it. */
  readonly model: string;
  /** JSON text of each item. */
  readonly output: readonly string[];
  readonly usage: Usage | null;
  /** Seconds since 1970. */
  readonly completedAt: number | null;
  /** Why it is incomplete. */
  readonly reason: 'max_output_tokens' | 'content_filter' | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** No real model answered, which is told. */
  readonly simulated: boolean;
}

export const BEGUN = {
  status: 'in_progress',
  output: [],
  usage: null,
  completedAt: null,
  reason: null,
  error: null,
  simulated: false,
} as const satisfies Omit<ResponseState, 'model'>;

/** The response objects of one response, as JSON text: what they have in common is written once. */
export class ResponseWriter {
  private readonly head: string;
  private readonly tail: string;

  constructor(name: ResponseName, echo: Echo) {
    const head = { id: responseIdOf(codeOf(name)), object: 'response', created_at: createdAt(name) };
    this.head = JSON.stringify(head).slice(0, -1);
    this.tail = JSON.stringify(shownEcho(echo)).slice(1);
  }

  write({ status, model, output, usage, completedAt, reason, error, simulated }: ResponseState): string {
    const state = {
      completed_at: completedAt,
      status,
      incomplete_details: reason === null ? null : { reason },
      error,
      model,
      ...(simulated ? { simulated } : {}),
      usage: usage === null ? null : usageJson(usage),
    };
    return `${this.head},${JSON.stringify(state).slice(1, -1)},"output":[${output.join(',')}],${this.tail}`;
  }
}

function shownEcho({ tools, text, reasoning, conversation, include: _, ...echo }: Echo): Fields {
  const format = { type: 'text' };
  return {
    ...DEFAULTS,
    ...echo,
    reasoning: { effort: null, summary: null, ...(reasoning as Fields | undefined) },
    text: { format, ...(text as Fields | undefined) },
    tools: ((tools as Fields[] | undefined) ?? []).map(shownTool),
    ...(conversation === undefined ? {} : { conversation: conversationJson(conversation) }),
  };
}

const conversationJson = (sent: unknown): Fields => (typeof sent === 'string' ? { id: sent } : (sent as Fields));

/** Fields of a function that its type demands. */
const shownTool = (tool: Fields): Fields =>
  tool['type'] === 'function' ? { description: null, parameters: null, strict: null, ...tool } : tool;

/** Usage in the words of this API. Counts that nobody made are 0: its types know no other. */
export function usageJson(usage: Usage): Fields {
  const input = usage.prompt_tokens ?? 0;
  const output = usage.completion_tokens ?? 0;
  const { prompt_tokens_details: read, completion_tokens_details: made } = usage;
  const detail = (of: unknown, name: string): number => countOf(ownField((of ?? {}) as Fields, name)) ?? 0;
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: detail(read, 'cached_tokens'),
      cache_write_tokens: detail(read, 'cache_write_tokens'),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: detail(made, 'reasoning_tokens') },
    total_tokens: usage.total_tokens ?? input + output,
  };
}
