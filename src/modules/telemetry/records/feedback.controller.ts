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
import type { Caller } from '../../../common/caller.js';
import { redactedContent } from '../../../common/logging/redacted-content.js';
import { CurrentCaller } from '../../../common/http/access.decorators.js';
import { ApiErrors } from '../../../common/http/api-errors.js';
import { ApiCheckedBody, checked } from '../../../common/http/request-validation.pipe.js';
import { FeedbackAllowance } from './feedback-allowance.js';
import { LATEST, ReadRecords } from './read-records.js';
import { ownerDigest } from './record-owner.js';
import type { Feedback } from './request-record.js';

const MOST_COMMENT = 2000;

const feedbackSchema = z.strictObject({
  request_id: z
    .string()
    .min(1)
    .max(128)
    .describe(
      `The \`x-request-id\` of the (first) answer, or \`metadata.request_id\`; \`${LATEST}\` = your latest one.`,
    ),
  score: z.number().min(-1).max(1).describe('-1 = useless, 0 = neither, 1 = right.'),
  comment: z.string().max(MOST_COMMENT).optional().describe('Kept with the score, redacted; not used in training.'),
});

@ApiTags('chat')
@Controller()
export class FeedbackController {
  private readonly allowance = new FeedbackAllowance();

  constructor(private readonly records: ReadRecords) {}

  @Post('v1/feedback')
  @HttpCode(200)
  @ApiBearerAuth()
  @ApiOperation({
    summary: 'How good an answer was',
    description:
      'Kept with the record of that request, for later training of the router; said again it replaces what was said ' +
      'before. Only for requests of your own whose record is kept, on whichever replica, and 1 MB a user and day.',
  })
  @ApiCheckedBody(feedbackSchema, { good: { value: { request_id: LATEST, score: 1 } } })
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
  async store(@Body(checked(feedbackSchema)) body: z.output<typeof feedbackSchema>, @CurrentCaller() caller: Caller) {
    const found = await this.records.find(caller, body.request_id);
    if (!found) throw unknown();
    const { score } = body;
    const comment = body.comment === undefined ? undefined : redactedContent(body.comment, MOST_COMMENT);
    const { feedback, request_id } = found.record;
    if (feedback?.score !== score || feedback.comment !== comment) {
      const said: Feedback = { score, at: new Date().toISOString(), ...(comment === undefined ? {} : { comment }) };
      const text = JSON.stringify(said);
      this.allowance.take(ownerDigest(caller), text, Date.now());
      if (!(await this.records.judge(caller, found, text))) throw unknown();
    }
    return { request_id, stored: true };
  }
}

/** The same for a request of others and for one that never was. */
const unknown = (): NotFound => new NotFound('You made no request with this id, or too long ago.', 'request_id');
