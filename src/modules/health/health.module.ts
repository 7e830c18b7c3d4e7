import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TerminusModule } from '@nestjs/terminus';
import { BeginDrainHandler } from './begin-drain.handler.js';
import { HealthController } from './health.controller.js';
import { RecentStores } from './indicators/recent-stores.js';
import { RouterIndicator } from './indicators/router.indicator.js';
import { SessionsIndicator } from './indicators/sessions.indicator.js';
import { TargetsIndicator } from './indicators/targets.indicator.js';
import { LoopStalls } from './loop-stalls.js';
import { ReadinessProbe } from './readiness.js';
import { ReadinessReporter } from './readiness-report.js';

@Module({
  // Terminus would log an error at every probe of a replica that is not ready; the probe's answer says it already.
  imports: [CqrsModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [
    ...[LoopStalls, BeginDrainHandler, ReadinessProbe, ReadinessReporter],
    ...[RecentStores, RouterIndicator, TargetsIndicator, SessionsIndicator],
  ],
})
export class HealthModule {}
