// Web application firewall of Front Door. Prompts are text about anything: SQL, shell and HTML in them are no attack, so
// the rules that look for those leave the fields of JSON bodies out. They look at everything else.

param name string
param tags object
@description('Requests a minute from one address before it is refused for a while. Callers have limits of their own; this keeps floods away from the gateway.')
param requestsPerMinuteAndAddress int

resource policy 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies@2024-02-01' = {
  name: name
  location: 'global'
  tags: tags
  sku: { name: 'Premium_AzureFrontDoor' }
  properties: {
    policySettings: {
      enabledState: 'Enabled'
      mode: 'Prevention'
      requestBodyCheck: 'Enabled'
      customBlockResponseStatusCode: 403
      // An error of this API, in the form that callers know.
      customBlockResponseBody: base64('{"error":{"message":"The request was refused by the firewall in front of this service.","type":"permission_error","param":null,"code":"permission_denied"}}')
      logScrubbing: {
        state: 'Enabled'
        scrubbingRules: [
          { matchVariable: 'RequestBodyJsonArgNames', selectorMatchOperator: 'EqualsAny', state: 'Enabled' }
          {
            matchVariable: 'RequestHeaderNames'
            selectorMatchOperator: 'Equals'
            selector: 'Authorization'
            state: 'Enabled'
          }
          { matchVariable: 'RequestIPAddress', selectorMatchOperator: 'EqualsAny', state: 'Enabled' }
        ]
      }
    }
    customRules: {
      rules: [
        {
          name: 'FloodsFromOneAddress'
          priority: 10
          enabledState: 'Enabled'
          ruleType: 'RateLimitRule'
          rateLimitDurationInMinutes: 1
          rateLimitThreshold: requestsPerMinuteAndAddress
          action: 'Block'
          matchConditions: [
            { matchVariable: 'RequestUri', operator: 'Contains', matchValue: ['/'], negateCondition: false }
          ]
        }
      ]
    }
    managedRules: {
      managedRuleSets: [
        {
          ruleSetType: 'Microsoft_DefaultRuleSet'
          ruleSetVersion: '2.1'
          ruleSetAction: 'Block'
          exclusions: [
            { matchVariable: 'RequestBodyJsonArgNames', selectorMatchOperator: 'EqualsAny', selector: '*' }
          ]
          ruleGroupOverrides: []
        }
        {
          // Programs are the callers of an API: only those that are known to be bad are refused.
          ruleSetType: 'Microsoft_BotManagerRuleSet'
          ruleSetVersion: '1.1'
          ruleGroupOverrides: [
            {
              ruleGroupName: 'UnknownBots'
              rules: []
            }
          ]
          exclusions: []
        }
      ]
    }
  }
}

output id string = policy.id
