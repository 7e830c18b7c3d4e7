import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TerminusModule } from '@nestjs/terminus';
import { BeginDrainHandler } from './begin-drain.handler.js';
import { HealthController } from './health.controller.js';
import { LoopStalls } from './loop-stalls.js';
import { ReadinessProbe } from './readiness.js';

@Module({
  // Terminus would log an error at every probe of a replica that is not ready; the probe's answer says it already.
  imports: [CqrsModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [LoopStalls, ReadinessProbe, BeginDrainHandler],
})
export class HealthModule {}
