import { Controller, Get, Header, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import type { FastifyReply } from 'fastify';
import { InvalidApiKey, InvalidRequest, Overloaded, PermissionDenied } from '../../../common/app-error.js';
import type { Caller } from '../../../common/caller.js';
import { CurrentCaller, RequireScope } from '../../../common/http/access.decorators.js';
import { ApiErrors } from '../../../common/http/api-errors.js';
import { checked } from '../../../common/http/request-validation.pipe.js';
import { ReadUsage } from './read-usage.js';
import { rangeOf, usageQuery, type UsageQuery } from './usage-query.js';
import { usageContent } from './usage.schemas.js';

@ApiTags('Operations')
@SkipThrottle()
@Controller('admin')
export class UsageController {
  constructor(private readonly usage: ReadUsage) {}

  @Get('usage')
  @RequireScope('admin')
  @Header('cache-control', 'no-store')
  @ApiBearerAuth()
  @ApiOperation({
    operationId: 'readUsage',
    summary: 'Requests, tokens and money',
    description:
      'Of whole days (UTC), both ends included, at most 400; left out: the current month. Scope `admin` sees its own ' +
      'tenant, scope `operator` all. What the replica that answers counted is in it up to the moment of the question, ' +
      'what others counted up to some 10 s before. Answers from the cache and failed requests count as requests; they ' +
      'cost what their own `cost_usd` says.',
  })
  @ApiResponse({
    status: 200,
    description: 'The sums.',
    headers: { 'Content-Disposition': { description: 'Of a CSV file its name.', schema: { type: 'string' } } },
    content: usageContent,
  })
  @ApiErrors(InvalidRequest, InvalidApiKey, PermissionDenied, Overloaded)
  async read(
    @CurrentCaller() caller: Caller,
    @Query(checked(usageQuery)) query: UsageQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const range = rangeOf(query, Date.now());
    if ('param' in range) throw new InvalidRequest(`${range.param}: ${range.message}`, range.param);
    const report = await this.usage.report({ ...range, tenant: tenantFor(caller, query) }, query.by);
    if (query.format === 'json') return { object: 'list', ...range, data: report.lines, total: report.total };
    reply.header('content-type', 'text/csv; charset=utf-8');
    reply.header('content-disposition', `attachment; filename="usage-${range.from}-${range.to}.csv"`);
    return report.csv;
  }
}

/** Whose usage is read; `null` = that of all. */
function tenantFor(caller: Caller, { tenant }: UsageQuery): string | null {
  if (caller.scopes.includes('operator')) return tenant ?? null;
  if (tenant === undefined || tenant === caller.tenant) return caller.tenant;
  throw new PermissionDenied('tenant: the usage of another tenant needs scope operator.', 'tenant');
}
