import type { Completion, Delta } from '../../common/chat.js';
import type { Fields } from '../../common/json/fields.js';
import type { Usage } from '../../common/usage.js';
import type { Turn } from '../session/session.messages.js';
import { outputOf, type OutputForm } from './output-items.js';
import { endOf } from './response-end.js';
import { codeOf, type ResponseName } from './response-id.js';
import { BEGUN, ResponseWriter, type Echo } from './response-object.js';
import { wantsEncrypted, wantsLogprobs } from './responses-request.js';
import type { ResponsesRequest } from './responses-request.schema.js';
import { ToolNames } from './tool-names.js';

/** How the answer to a request is to look; all of it stands in what the response says again. */
export const formOf = (name: ResponseName, echo: Echo): OutputForm => ({
  code: codeOf(name),
  tools: new ToolNames(echo['tools']),
  encrypts: wantsEncrypted(echo as ResponsesRequest),
  withLogprobs: wantsLogprobs(echo as ResponsesRequest),
});

/** What there is to show of an answer that is whole. */
interface WholeAnswer {
  readonly message: Delta;
  readonly logprobs: unknown;
  readonly finish: unknown;
  /** As its server names it. */
  readonly model: string;
  readonly simulated: boolean;
  readonly usage: Usage | null;
  /** Seconds since 1970. */
  readonly completedAt: number;
}

/** The response object of a plain answer, as JSON text. @param completion a `chat.completion` @param now seconds since 1970 */
export function responseOfCompletion(
  name: ResponseName,
  echo: Echo,
  completion: Completion,
  { model, simulated }: Pick<WholeAnswer, 'model' | 'simulated'>,
  usage: Usage | null,
  now: number,
): string {
  const choice = completion.choices?.[0];
  const { message = {}, logprobs, finish_reason: finish } = choice ?? {};
  return written(name, echo, { message, logprobs, finish, model, simulated, usage, completedAt: now });
}

/** The same of a turn that is stored. */
export function responseOfTurn(name: ResponseName, turn: Turn): string {
  const { model, simulated, usage, at } = turn;
  const message = answerOf(turn);
  const finish = turn.response?.['finish_reason'];
  const completedAt = Math.floor(Date.parse(at) / 1_000);
  return written(name, echoOfTurn(turn), { message, logprobs: null, finish, model, simulated, usage, completedAt });
}

/** The items of a stored answer, with their reasoning sealed: for who sends them back to a model. */
export function outputOfTurn(name: ResponseName, turn: Turn): Fields[] {
  const form = { ...formOf(name, echoOfTurn(turn)), encrypts: true };
  const { status } = endOf(turn.response?.['finish_reason']);
  return outputOf(answerOf(turn), null, status === 'incomplete', turn.model, form);
}

const answerOf = ({ messages }: Turn): Delta => (messages.at(-1) ?? {}) as Delta;

export const echoOfTurn = ({ response }: Turn): Echo => (response?.['echo'] ?? {}) as Echo;

function written(name: ResponseName, echo: Echo, answer: WholeAnswer): string {
  const { message, logprobs, model, simulated, usage } = answer;
  const { status, reason } = endOf(answer.finish);
  const isCut = status === 'incomplete';
  const output = outputOf(message, logprobs, isCut, model, formOf(name, echo)).map((item) => JSON.stringify(item));
  const completedAt = isCut ? null : answer.completedAt;
  return new ResponseWriter(name, echo).write({
    ...BEGUN,
    status,
    reason,
    model,
    simulated,
    usage,
    output,
    completedAt,
  });
}
