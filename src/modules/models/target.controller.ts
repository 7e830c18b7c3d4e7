import { Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import { z } from 'zod';
import { InvalidApiKey, ModelNotFound, PermissionDenied } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { AnsweredPrices } from '../../common/prices/answered-prices.js';
import { ratesOf } from '../../common/cost.js';
import { CurrentCaller, RequireScope } from '../../common/http/access.decorators.js';
import { cutText } from '../../common/cut-text.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { redact } from '../../common/logging/redact.js';
import { TIERS, type LastError, type TargetStatus } from '../../common/target.js';
import { PRICE_TABLE } from '../../common/prices/price-table.js';
import type { Price, Rates } from '../../common/prices/price.js';
import { TenantTargets } from '../../common/tenant-targets.js';
import { DrainSharing } from './drain-sharing.js';
import { TargetCatalogue } from './target-catalogue.js';

const targetExample = {
  id: 'local',
  tier: 'local',
  provider: 'openai',
  model: 'llama3.2',
  simulated: false,
  breaker: 'closed',
  warm: null,
  in_flight: 1,
  queued: 0,
  ttft_ms: { p50: 180, p95: 420 },
  error_rate: 0,
  last_error: { outcome: 'server_error', status: 503, at: '2026-11-23T09:00:00.000Z' },
  price: { input: 0, output: 0 },
  price_source: 'config',
  budget_price: { input: 0, output: 0 },
};

const rate = z.number().optional();
const rates = {
  ...{ input: z.number(), output: z.number() },
  ...{ cached_input: rate, cache_write: rate, audio_input: rate, audio_output: rate },
};
const longer = z.object({ above_tokens: z.int().describe('Of the prompt.'), ...rates });
const price = z.object({ ...rates, tiers: z.array(longer).optional() }).nullable();
const targetSchema = z.object({
  id: z.string(),
  tier: z.enum(TIERS),
  provider: z.string(),
  model: z.string(),
  simulated: z.boolean(),
  breaker: z.enum(['closed', 'open', 'half_open', 'drained']),
  warm: z.boolean().nullable().describe('Whether the model is loaded; null where its server does not tell.'),
  in_flight: z.int(),
  queued: z.int().describe('Calls that wait for a slot.'),
  ttft_ms: z.object({ p50: z.number().nullable(), p95: z.number().nullable() }),
  error_rate: z.number().describe('Of the latest calls, 0 to 1.'),
  last_error: z
    .object({
      outcome: z.string(),
      status: z.int().nullable(),
      at: z.iso.datetime(),
      message: z.string().optional().describe('What the server said; scope operator.'),
    })
    .nullable(),
  price: price.describe('USD per million tokens; null = unknown.'),
  price_source: z.string().nullable().describe('config, or the table and its date; null = unknown.'),
  budget_price: price.describe('What a token counts in budgets.'),
});
const answered = (description: string, example: object) =>
  ApiResponse({ status: 200, description, standardSchema: targetSchema, example });

/** A provider's error may repeat a prompt or a key: nobody needs more of it than this. */
const MOST_WORDS = 500;

/** What happened and when; the words of the provider are for those who may see every tenant's requests. */
function errorJson(error: LastError | null, { scopes }: Caller) {
  if (!error) return null;
  const { outcome, status, at, words } = error;
  return {
    outcome,
    status,
    at,
    ...(scopes.includes('operator') ? { message: cutText(redact(words), MOST_WORDS) } : {}),
  };
}

/** The rates of a short request at this moment, and of longer ones. */
function shownPrice(price: Price) {
  const rates = ratesOf(price, 0);
  const tiers = rates.tiers?.map((tier) => ({ above_tokens: tier.above, ...ratesJson(tier) }));
  return { ...ratesJson(rates), tiers };
}

function ratesJson({ input, output, cachedInput, cacheWrite, audioInput, audioOutput }: Rates) {
  return {
    ...{ input, output, cached_input: cachedInput, cache_write: cacheWrite },
    ...{ audio_input: audioInput, audio_output: audioOutput },
  };
}

/** `null` = unknown. */
const sourceOf = (price: Price | null): string | null =>
  price && (price.list ? `table of ${PRICE_TABLE.date}` : 'config');

/** The JSON of `/admin/targets` (DESIGN section 4), with the price, and what a token counts in budgets. */
function toJson(target: TargetStatus, caller: Caller, all: RouterConfig['targets'], prices: AnsweredPrices) {
  const { id, tier, provider, model, simulated, breaker, warm, slots, calls } = target;
  const price = target.price ?? prices.of(target);
  const inBudgets = prices.inBudgets(target, all);
  return {
    ...{ id, tier, provider, model, simulated, breaker, warm },
    in_flight: slots.inFlight,
    queued: slots.queued,
    ttft_ms: calls.ttftMs,
    error_rate: calls.errorRate,
    last_error: errorJson(calls.lastError, caller),
    price: price && shownPrice(price),
    price_source: sourceOf(price),
    budget_price: inBudgets && shownPrice(inBudgets),
  };
}

@ApiTags('admin')
@ApiBearerAuth()
@RequireScope('admin')
@ApiErrors(InvalidApiKey, PermissionDenied)
@SkipThrottle()
@Controller('admin/targets')
export class TargetController {
  constructor(
    @Inject(LiveConfig) private readonly config: LiveConfig,
    private readonly catalogue: TargetCatalogue,
    private readonly sharing: DrainSharing,
    @Inject(AnsweredPrices) private readonly prices: AnsweredPrices,
  ) {}

  @Get()
  @ApiOperation({
    summary:
      'Every target and how it does: breaker, load, time to first token (ms), errors (what the provider said: scope operator)',
  })
  @ApiResponse({
    status: 200,
    description: 'All that you may see.',
    standardSchema: z.array(targetSchema),
    example: [targetExample],
  })
  list(@CurrentCaller() caller: Caller) {
    return this.targetsOf(caller).map((target) => this.shown(target, caller));
  }

  @Post(':id/drain')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Take a target out of rotation on every replica, until it is enabled again; calls in flight go on',
  })
  @answered('It is drained.', { ...targetExample, breaker: 'drained' })
  @ApiErrors(ModelNotFound)
  async drain(@Param('id') id: string, @CurrentCaller() caller: Caller) {
    return this.steer(id, true, caller);
  }

  @Post(':id/enable')
  @HttpCode(200)
  @ApiOperation({ summary: 'Put a drained target back into rotation' })
  @answered('It may answer again.', targetExample)
  @ApiErrors(ModelNotFound)
  async enable(@Param('id') id: string, @CurrentCaller() caller: Caller) {
    return this.steer(id, false, caller);
  }

  private shown(target: TargetStatus, caller: Caller) {
    return toJson(target, caller, this.config.current.targets, this.prices);
  }

  private async steer(id: string, drained: boolean, caller: Caller) {
    const target = this.targetsOf(caller).find((own) => own.id === id);
    if (!target) throw new ModelNotFound('There is no target of that id. GET /admin/targets lists them.', 'id');
    await this.sharing.set(id, drained);
    return this.shown(target, caller);
  }

  /** Scope `operator` sees every tenant's. */
  private targetsOf({ tenant, scopes }: Caller): readonly TargetStatus[] {
    const all = this.catalogue.list();
    return scopes.includes('operator') ? all : new TenantTargets(this.config.current, tenant).of(all);
  }
}
