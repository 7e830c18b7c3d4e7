import { hash } from 'node:crypto';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import {
  InternalError,
  InvalidApiKey,
  InvalidRequest,
  NotFound,
  Overloaded,
  PayloadTooLarge,
  PermissionDenied,
  RateLimitExceeded,
  UnsupportedMediaType,
} from '../../../common/app-error.js';
import { BoundedMap } from '../../../common/bounded-map.js';
import type { Caller } from '../../../common/caller.js';
import { redactedContent } from '../../../common/logging/redacted-content.js';
import { CurrentCaller } from '../../../common/http/access.decorators.js';
import { ApiErrors } from '../../../common/http/api-errors.js';
import { ApiCheckedBody, checked } from '../../../common/http/request-validation.pipe.js';
import { DecisionLog } from './decision-log.js';
import { KnownRequests } from './known-requests.js';

const MOST_COMMENT = 2000;

const feedbackSchema = z.strictObject({
  request_id: z
    .string()
    .min(1)
    .max(128)
    .describe('The `x-request-id` of the (first) answer, or `metadata.request_id`; `latest` = your latest one.'),
  score: z.number().min(-1).max(1).describe('-1 = useless, 0 = neither, 1 = right.'),
  comment: z.string().max(MOST_COMMENT).optional().describe('Kept with the score, redacted; not used in training.'),
});
type Feedback = z.infer<typeof feedbackSchema>;
/** Of a line in the log, besides what was said. */
const ENTRY_BYTES = 200;
/** Stands for the caller's latest request on this replica. */
const LATEST = 'latest';
/** What one user may have written down in a day, bytes: about 400 of the longest comments or 5,000 scores. */
const MOST_BYTES = 1_000_000;
const DAY_MS = 86_400_000;
/** Users counted at a time; the one counted for longest goes first. */
const MOST_USERS = 10_000;

/** Bounds what each user adds to the decision log, so that nobody can push the decisions of others out of it. */
class FeedbackAllowance {
  private readonly users = new BoundedMap<string, { readonly since: number; bytes: number }>(MOST_USERS);

  /**
   * @param now milliseconds
   * @throws RateLimitExceeded when the day's part is used up
   */
  take(user: string, bytes: number, now: number): void {
    let spent = this.users.get(user);
    if (!spent || now - spent.since >= DAY_MS) {
      spent = { since: now, bytes: 0 };
      this.users.set(user, spent);
    }
    if (spent.bytes + bytes > MOST_BYTES) {
      const seconds = (spent.since + DAY_MS - now) / 1000;
      throw new RateLimitExceeded('You have given as much feedback as is kept of one user in a day.', seconds);
    }
    spent.bytes += bytes;
  }
}

@ApiTags('chat')
@Controller()
export class FeedbackController {
  private readonly allowance = new FeedbackAllowance();

  constructor(
    private readonly log: DecisionLog,
    private readonly known: KnownRequests,
  ) {}

  @Post('v1/feedback')
  @HttpCode(200)
  @ApiBearerAuth()
  @ApiOperation({
    summary: 'How good an answer was',
    description:
      'Kept beside the decision of that request in the decision log, for later training of the router; said again it ' +
      'replaces what was said before. Only for requests of your own, and 1 MB a user and day.',
  })
  @ApiCheckedBody(feedbackSchema, { good: { value: { request_id: 'latest', score: 1 } } })
  @ApiResponse({
    status: 200,
    description: 'It is kept',
    standardSchema: z.object({ request_id: z.string(), stored: z.literal(true) }),
    example: { request_id: '01JD0000000000000000000000', stored: true },
  })
  @ApiErrors(
    InvalidRequest,
    InvalidApiKey,
    PermissionDenied,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
    RateLimitExceeded,
    Overloaded,
    InternalError,
  )
  async store(@Body(checked(feedbackSchema)) body: Feedback, @CurrentCaller() { tenant, user }: Caller) {
    const { score } = body;
    const comment = body.comment === undefined ? undefined : redactedContent(body.comment, MOST_COMMENT);
    const owner = { tenant, user };
    const request_id = await this.requestOf(owner, body.request_id);
    const said = JSON.stringify([score, comment]);
    const mark = hash('sha256', said, 'base64url');
    if (this.known.markOf(owner, request_id) !== mark) {
      this.allowance.take(JSON.stringify([tenant, user]), Buffer.byteLength(said) + ENTRY_BYTES, Date.now());
      this.log.append({ type: 'feedback', at: new Date().toISOString(), tenant, user, request_id, score, comment });
      this.known.judged(owner, request_id, mark);
    }
    return { request_id, stored: true };
  }

  /** @throws NotFound, the same for a request of others and for one that never was */
  private async requestOf(owner: Pick<Caller, 'tenant' | 'user'>, id: string): Promise<string> {
    const named = id === LATEST ? (this.known.latestOf(owner) ?? id) : id;
    if (await this.known.has(owner, named)) return named;
    throw new NotFound('You made no request with this id, or too long ago.', 'request_id');
  }
}
