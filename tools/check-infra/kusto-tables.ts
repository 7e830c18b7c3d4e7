/**
 * The tables of a workspace-based Application Insights that the exporter fills, with the columns that it fills. Others exist
 * (browser, city, ...) and are empty for a service.
 *
 * @see https://learn.microsoft.com/azure/azure-monitor/reference/tables-index
 */
const ROLE =
  'TimeGenerated: datetime, AppRoleName: string, AppRoleInstance: string, AppVersion: string, SDKVersion: string';
const OPERATION = 'OperationId: string, OperationName: string, ParentId: string, SessionId: string, UserId: string';
const ITEM = 'ItemCount: int, Properties: dynamic, Measurements: dynamic, Type: string, _ResourceId: string';
const CALL = 'Id: string, Name: string, DurationMs: real, Success: bool, ResultCode: string, PerformanceBucket: string';

export const KUSTO_TABLES: Readonly<Record<string, string>> = {
  AppMetrics: `${ROLE}, Name: string, Sum: real, Min: real, Max: real, ItemCount: int, Properties: dynamic, Type: string`,
  AppRequests: `${ROLE}, ${OPERATION}, ${ITEM}, ${CALL}, Url: string, Source: string`,
  AppDependencies: `${ROLE}, ${OPERATION}, ${ITEM}, ${CALL}, DependencyType: string, Target: string, Data: string`,
  AppExceptions: `${ROLE}, ${OPERATION}, ${ITEM}, ExceptionType: string, ProblemId: string, OuterMessage: string, OuterType: string, Details: dynamic, SeverityLevel: int`,
  AppTraces: `${ROLE}, ${OPERATION}, ${ITEM}, Message: string, SeverityLevel: int`,
};
