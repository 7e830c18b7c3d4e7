import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerResponse } from 'node:http';
import { InvalidRequest, RateLimitExceeded } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { WholeAnswer } from '../../common/chunk-stream.js';
import { CurrentCaller } from '../../common/http/access.decorators.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { ReservesQuota } from '../../common/http/counting.decorators.js';
import { Idempotent } from '../../common/http/idempotent.decorator.js';
import { ApiCheckedBody, CheckedBody } from '../../common/http/request-validation.pipe.js';
import { AnswerChat } from './answer-chat.js';
import { ANSWER_HEADERS, ApiAnswer, ApiDecision } from './chat-api-docs.js';
import type { ChatExchange } from './chat-exchange.js';
import type { ChatAsk } from './chat-facts.js';
import {
  chatRequestSchema,
  queryRequestSchema,
  routeRequestSchema,
  type QueryRequest,
  type RouteRequest,
} from './chat-request.schema.js';
import {
  chatExamples,
  chatResponseExample,
  queryExamples,
  queryResponseExample,
  routeExamples,
  routeResponseExample,
} from './chat-examples.js';
import { askOf, withSentText } from './http-ask.js';
import { chatRequestOf, decisionJson, queryAnswer } from './query-answer.js';
import { addPlainHeaders, answerHeaders, type HeaderList } from './response-headers.js';
import { giveUpIdleReader, SseWriter } from './sse-writer.js';

const SSE_HEADERS: HeaderList = [
  ...['content-type', 'text/event-stream; charset=utf-8'],
  ...['cache-control', 'no-cache, no-transform'],
  ...['x-accel-buffering', 'no'],
];

@ApiTags('chat')
@Controller()
export class ChatController {
  constructor(private readonly chat: AnswerChat) {}

  @Post('v1/chat/completions')
  @ReservesQuota()
  @HttpCode(200)
  @ApiOperation({
    summary: "OpenAI's chat completions, plain and streamed",
    description: 'Fields that are not listed here pass through to the model server and back unchanged.',
  })
  @ApiCheckedBody(chatRequestSchema, chatExamples)
  @ApiResponse({ status: 200, description: 'The answer', headers: ANSWER_HEADERS, content: chatResponseExample })
  @ApiAnswer()
  @Idempotent()
  async complete(
    @CheckedBody(chatRequestSchema) request: ChatRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const exchange = await this.begun(askOf(withSentText(request, incoming.body), caller, incoming, reply), incoming);
    try {
      const headers = answerHeaders(exchange);
      if (request.stream) return sendStream(reply, headers, exchange);
      const text = await wholeText(exchange);
      addPlainHeaders(headers, exchange.result!);
      await sendWhole(reply, headers, text);
    } catch (error) {
      exchange.fail(error);
      throw error;
    }
  }

  @Post('query')
  @ReservesQuota()
  @HttpCode(200)
  @ApiOperation({ summary: 'One question, one answer, and how it came about' })
  @ApiCheckedBody(queryRequestSchema, queryExamples)
  @ApiResponse({ status: 200, description: 'The answer', headers: ANSWER_HEADERS, content: queryResponseExample })
  @ApiAnswer()
  @Idempotent()
  async query(
    @CheckedBody(queryRequestSchema) body: QueryRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const exchange = await this.begun(askOf(chatRequestOf(body), caller, incoming, reply, body), incoming);
    try {
      await wholeText(exchange);
      const end = exchange.result!;
      const text = JSON.stringify(queryAnswer(exchange, end, new Date()));
      const headers = answerHeaders(exchange);
      addPlainHeaders(headers, end);
      await sendWhole(reply, headers, text);
    } catch (error) {
      exchange.fail(error);
      throw error;
    }
  }

  @Post('v1/route')
  @HttpCode(200)
  @ApiOperation({ summary: 'Which target would answer, and why; no model is called' })
  @ApiCheckedBody(routeRequestSchema, routeExamples)
  @ApiResponse({ status: 200, description: 'The decision record', content: routeResponseExample })
  @ApiDecision()
  @ApiErrors(RateLimitExceeded)
  async route(
    @CheckedBody(routeRequestSchema) body: RouteRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const ask = askOf(withSentText(routedRequest(body), incoming.body), caller, incoming, reply, body);
    reply.header('x-request-id', ask.requestId);
    return decisionJson(await this.chat.route(ask));
  }

  /** From here on the recipe tells of the end of the request. */
  private begun(ask: ChatAsk, incoming: FastifyRequest): Promise<ChatExchange> {
    incoming.endIsTold = true;
    return this.chat.answer(ask);
  }
}

function routedRequest({ query, strategy: _s, session_id: _i, ...request }: RouteRequest): ChatRequest {
  const model = request.model ?? 'auto';
  if (typeof query === 'string') return { model, messages: [{ role: 'user', content: query }] };
  if (request.messages) return { ...(request as Partial<ChatRequest>), model, messages: request.messages };
  throw new InvalidRequest('messages: required, unless there is a query', 'messages');
}

/** Reads a plain answer to its end; its text is the body exactly as the model server sent it. */
async function wholeText(exchange: ChatExchange): Promise<string> {
  const whole = new WholeAnswer();
  exchange.relay(whole);
  let text = '';
  for (const { frames } of await whole.chunks) for (const frame of frames) text += frame.text;
  return text;
}

/** Sends a whole body. */
async function sendWhole(reply: FastifyReply, headers: HeaderList, body: string): Promise<void> {
  const bytes = Buffer.byteLength(body);
  headers.push('content-length', String(bytes));
  addOwnHeaders(headers, reply);
  if (reply.answerKeeper) await reply.answerKeeper.keep(byName(headers), body);
  const encoding = bytes === body.length ? 'latin1' : 'utf8'; // ASCII goes out without being looked at
  giveUpIdleReader(headed(reply, headers).end(body, encoding));
}

/** Sends an answer as it comes, as server-sent events. */
function sendStream(reply: FastifyReply, headers: HeaderList, exchange: ChatExchange): void {
  headers.push(...SSE_HEADERS);
  addOwnHeaders(headers, reply);
  const copy = reply.answerKeeper?.stream(byName(headers)) ?? null;
  const response = headed(reply, headers);
  const withUsage = exchange.facts.ask.request.stream_options?.include_usage === true;
  new SseWriter(response, exchange, withUsage, copy);
}

/** The raw response with its headers; the reply is ours only then, so that headers which Node refuses are an error as any. */
function headed(reply: FastifyReply, headers: HeaderList): ServerResponse {
  for (const part of reply.server.securityHeaders) headers.push(part);
  const response = reply.raw.writeHead(200, headers);
  reply.hijack();
  return response;
}

/** Those that the reply has already: the request's id, CORS, `connection`. */
function addOwnHeaders(headers: HeaderList, reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders() as Record<string, string>)) headers.push(name, value);
}

const byName = (headers: HeaderList): Record<string, string> =>
  Object.fromEntries(headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]!]] : [])));
