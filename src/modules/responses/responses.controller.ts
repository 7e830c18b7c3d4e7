import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequest, PreviousResponseNotFound } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { CurrentCaller } from '../../common/http/access.decorators.js';
import { ANSWER_HEADERS, ApiAnswer } from '../../common/http/answer-api-docs.js';
import { sendStream, sendWhole, wholeText } from '../../common/http/answer-writer.js';
import { arrivalOf } from '../../common/http/arrival.js';
import { inWords, WordedForm } from '../../common/http/worded-form.js';
import { ReservesQuota } from '../../common/http/counting.decorators.js';
import { Idempotent } from '../../common/http/idempotent.decorator.js';
import { refuseRepeats } from '../../common/http/repeated-members.js';
import { ApiCheckedBody, CheckedBody } from '../../common/http/request-validation.pipe.js';
import { sourceOf, type JsonSource } from '../../common/json/source.js';
import { namedTargets } from '../../common/named-targets.js';
import { ulids } from '../../common/ulids.js';
import { translated } from '../../common/translated-request.js';
import { AnswerChatCommand, isBehindTurns, PLAIN_TURNS, type ChatAnswer, type ChatAsk } from '../chat/chat.messages.js';
import { ListTargetsQuery } from '../models/models.messages.js';
import { exactBody } from './exact-body.js';
import { onlyOpenAi } from './only-openai.js';
import { areOpenAis, checkPassable, isSharedByTenants, PassedStream, standIn } from './pass-through.js';
import type { ResponseName } from './response-id.js';
import { echoOf, ResponseWriter, type Echo } from './response-object.js';
import { ResponseStream } from './response-stream.js';
import { placeOf } from './response-turns.js';
import { responseExample, responsesExamples } from './responses.examples.js';
import { chatFormOf } from './responses-request.js';
import { ResponsesWords } from './responses-words.js';
import { responsesRequestSchema, type ResponsesRequest } from './responses-request.schema.js';
import { StoredItems } from './stored-items.js';
import { formOf, responseOfCompletion } from './whole-response.js';

const READ_HERE: ReadonlySet<string> = new Set(Object.keys(responsesRequestSchema.shape));
const READ_WHOLE = ['input'];

/** OpenAI's Responses API in front of every target. */
@ApiTags('responses')
@Controller()
export class ResponsesController {
  private readonly nextId = ulids();

  constructor(
    private readonly commands: CommandBus,
    private readonly items: StoredItems,
    private readonly queries: QueryBus,
    private readonly config: LiveConfig,
  ) {}

  @Post('v1/responses')
  @ReservesQuota()
  @HttpCode(200)
  @ApiOperation({
    operationId: 'createResponse',
    summary: "OpenAI's Responses API, plain and streamed",
    description:
      'Answered by the same targets, in the same way, as chat completions. What only OpenAI runs (built-in tools, stored ' +
      'prompts and files, `background`) is a 400 that names the field, unless only targets at OpenAI may answer: then ' +
      'the request passes through as it came, and is not stored here. Fields that are not listed here are ignored.',
  })
  @ApiCheckedBody(responsesRequestSchema, responsesExamples)
  @ApiResponse({ status: 200, description: 'The response', headers: ANSWER_HEADERS, content: responseExample })
  @ApiAnswer(PreviousResponseNotFound)
  @Idempotent()
  async create(
    @CheckedBody(responsesRequestSchema) request: ResponsesRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseRepeats(incoming.body, READ_HERE, READ_WHOLE);
    const only = await this.passes(request, caller, sourceOf(incoming.body));
    if (only) return this.pass(standIn(request, only), caller, incoming, reply);
    const body = exactBody(request, incoming.body);
    const { ask, name, words } = await this.askOf(body, caller, incoming, reply);
    const answer = await this.begun(ask, incoming, words);
    try {
      const echo = echoOf(body);
      if (body.stream) {
        return sendStream(reply, answer.headers(), answer, new WordedForm(streamOf(answer, name, echo), words));
      }
      await wholeText(answer);
      await sendWhole(reply, answer.plainHeaders(), wholeOf(answer, name, echo));
    } catch (error) {
      answer.fail(error);
      throw inWords(error, words);
    }
  }

  /**
   * The text of a request that asks for what only OpenAI's own servers can do, where they alone may answer.
   *
   * @returns `null` where it can be translated @throws InvalidRequest that names the field, where others may answer
   */
  private async passes(body: ResponsesRequest, caller: Caller, source: JsonSource | null): Promise<JsonSource | null> {
    const [field] = onlyOpenAi(body);
    if (!field) return null;
    const config = this.config.current;
    const targets = await this.queries.execute(new ListTargetsQuery());
    const named = namedTargets(body.model, targets, config, caller.tenant);
    if (source && areOpenAis(named.targets)) {
      checkPassable(body, source, isSharedByTenants(config));
      return source;
    }
    throw new InvalidRequest(`${field.param}: ${field.message}`, field.param);
  }

  /** Sends it on as it came, and its answer back as it comes. It is neither stored nor kept here. */
  private async pass(
    request: ChatRequest,
    caller: Caller,
    incoming: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const own = { request, caller, sessionId: null, keepsTurn: false, turns: PLAIN_TURNS, cacheControl: 'no-store' };
    const ask = { ...arrivalOf(incoming, reply), ...own, explain: false, isRenewal: false };
    const answer = await this.begun(ask, incoming, PASSED);
    try {
      if (request.stream) {
        return sendStream(reply, answer.headers(), answer, new WordedForm(new PassedStream(), PASSED));
      }
      const text = await wholeText(answer);
      await sendWhole(reply, answer.plainHeaders(), text);
    } catch (error) {
      answer.fail(error);
      throw inWords(error, PASSED);
    }
  }

  /** From here on the recipe tells of the end of the request. */
  private async begun(ask: ChatAsk, incoming: FastifyRequest, words: ResponsesWords): Promise<ChatAnswer> {
    incoming.endIsTold = true;
    try {
      return await this.commands.execute(new AnswerChatCommand(ask));
    } catch (error) {
      throw inWords(error, words);
    }
  }

  private async askOf(
    body: ResponsesRequest,
    caller: Caller,
    incoming: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ ask: ChatAsk; name: ResponseName; words: ResponsesWords }> {
    const arrival = arrivalOf(incoming, reply);
    const { request, input, places } = chatFormOf(body, await this.items.resolved(body.input, caller));
    const { name, sessionId, keepsTurn, turns } = placeOf(body, this.nextId(), arrival.sessionId, input);
    const own = { request: translated(request), caller, sessionId, keepsTurn, turns };
    const words = new ResponsesWords(places, isBehindTurns({ sessionId, turns }));
    return { ask: { ...arrival, ...own, explain: false, isRenewal: false }, name, words };
  }
}

/** The question of one that is passed through is read from its `input`. */
const PASSED = new ResponsesWords(['input'], false);

const nowInSeconds = (): number => Math.floor(Date.now() / 1_000);

const streamOf = (answer: ChatAnswer, name: ResponseName, echo: Echo): ResponseStream =>
  new ResponseStream(answer, new ResponseWriter(name, echo), formOf(name, echo), nowInSeconds);

function wholeOf({ result, route }: ChatAnswer, name: ResponseName, echo: Echo): string {
  const completion = result?.completion?.json ?? {};
  return responseOfCompletion(name, echo, completion, route, result?.usage ?? null, nowInSeconds());
}
