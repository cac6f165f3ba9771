import { FAULT_WORDS } from '../testing/faults.js'
import { wrapWords } from '../diagnosis/wrap.js'

const WIDTH = 80

/** What `instance-role emulate --help` prints. */
export const EMULATE_HELP: string = `Usage: instance-role emulate [flags]

Serves the metadata service (IMDS) of an emulated EC2 instance on 127.0.0.1, to
programs in any language. Ctrl+C stops it. The variables to export go to stdout,
a line for each request to stderr.

  --port <port>              port; 0 takes a free one (default: 1338)
  --shell <word>             sh or powershell: whose lines to export are printed
                             (default: a guess)
  --help                     this text

The instance
  --role-name <name>         name of the IAM role (default: app-role, or the
                             name in --assume-role)
  --instance-profile-name <name>
                             name of the instance profile that contains the
                             role (default: app-profile)
  --lifetime <duration>      life of a set of credentials (default: 6h; 1h with
                             --assume-role, where STS takes 15m to 12h)
  --rotate-every <duration>  time from one set to the next (default: 1h); there
                             is always a next one 5m before a set ends
  --metadata <path>=<value>  metadata at a path below /latest/meta-data/, or at
                             a path that begins with /latest/; repeatable
  --http-tokens <word>       required: IMDSv2 only; optional: IMDSv1, too
                             (default: required)
  --hop-limit <count>        HttpPutResponseHopLimit, 1 to 64 (default: 1)
  --hops-away <count>        hops between client and IMDS: where they reach the
                             hop limit, as in a container behind a bridge, no
                             token request is answered (default: 0)
  --assume-role <ARN>        serve real, short-lived credentials of that role,
                             obtained from STS with your own AWS credentials;
                             needs @aws-sdk/credential-providers

What is broken
  --no-role                  no instance profile is attached
  --empty-profile            the instance profile contains no role
  --bad-trust                the trust policy does not let EC2 assume the role
  --imds-disabled            IMDS is disabled: every request gets 403
  --fail <step>=<fault>      requests of that step meet that fault; repeatable;
                             x<count> at the end: the next <count> requests only
  --fail-after <duration>    breaks all of this only after that time

A duration is in seconds, or like 90s, 15m or 6h.
A step is token, role, credentials, all, or a path such as /latest/user-data.
A fault is one of these:
${wrapWords(FAULT_WORDS.join(' '), WIDTH, { first: '  ', rest: '  ' }).join('\n')}
  a status such as 503
  delay=<ms> (late), drip=<ms> (one byte each <ms>),
  missing=<field> (such as Token), code=<code> (in place of Success)

Examples
  --fail token=silence --fail credentials=503x3 --fail all=delay=2000
  --metadata placement/region=eu-west-1 --metadata tags/instance/Name=web
  --metadata 'spot/instance-action={"action":"stop","time":"..."}'
  --metadata 'events/recommendations/rebalance={"noticeTime":"..."}'
  --metadata 'events/maintenance/scheduled=[{"Code":"system-reboot"}]'`
