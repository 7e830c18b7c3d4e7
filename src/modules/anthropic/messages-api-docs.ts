import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiHeader } from '@nestjs/swagger';
import { ANSWER_HEADERS, ApiAnswer, ApiCounting } from '../../common/http/answer-api-docs.js';
import { ERROR_FORM } from '../../common/http/api-document.js';

const text = (description: string) => ({ description, schema: { type: 'string' as const } });
const REQUEST_ID = { 'request-id': text('The same as `x-request-id`, where the SDKs of Anthropic look for it.') };

/** Response headers of a message. */
export const MESSAGE_HEADERS = { ...ANSWER_HEADERS, ...REQUEST_ID };

/** Response headers of a count. */
export const COUNT_HEADERS = { ...REQUEST_ID, 'x-router-estimated': text('true: nobody counted, it is an estimate.') };

const header = (name: string, description: string) => ApiHeader({ name, description, required: false });

/** What this door's routes have in common: errors in Anthropic's form, and the version that is spoken. */
const ASKING = [
  ApiExtension(ERROR_FORM, 'anthropic'),
  header('anthropic-version', '2023-06-01 and 2026-10-21 are known; any is accepted, also none.'),
  header('anthropic-beta', 'Accepted, and looked at no further.'),
];

/** Headers and errors of the route that calls a model. */
export const ApiMessages = (): MethodDecorator =>
  applyDecorators(
    ApiAnswer(),
    ...ASKING,
    header('x-claude-code-session-id', 'Of Claude Code: keeps to a target, and stores what is new; x-session-id wins.'),
  );

/** Headers and errors of the route that counts. */
export const ApiCount = (): MethodDecorator => applyDecorators(ApiCounting(), ...ASKING);
