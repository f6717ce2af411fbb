import Alerts
import Extract
import Foundation
import Pipeline
import TestSupport
import Testing

/// `"channels"` of the project: what it may say, and what is told of each mistake.
struct ChannelDefinitionTests {
    private static let environment = [
        "HOOK": "https://hooks.example.com/services/T0000/B0000/s3cr3ts3cr3t", "TOKEN": "s3cr3t-t0k3n",
        "OPS": "ops@example.com",
    ]

    private func read(_ channels: String) throws -> Project {
        let scratch = try TemporaryProject()
        try scratch.write("pipelines/project.jsonc", "{ \"channels\": \(channels) }\n")
        return try Project(directory: scratch.directory, environment: ChannelDefinitionTests.environment)
    }

    private func channels(_ text: String) throws -> [ChannelDefinition] {
        let project = try read(text)
        #expect(project.problems.map(\.description) == [])
        return project.definition.channels
    }

    @Test("A channel needs little, and has no quiet hours and no reminders of its own")
    func leastOfAll() throws {
        let channels = try channels(
            """
            { "z-1": { "mail": { "to": "ops@example.com" } }, "a_2": { "slack": { "url": "${HOOK}" } },
              "hook": { "webhook": { "url": "http://127.0.0.1:9/a" } }, "own": { "command": { "run": "cat" } } }
            """)
        #expect(channels.map(\.name) == ["z-1", "a_2", "hook", "own"])
        #expect(channels.map(\.kind) == ["mail", "slack", "webhook", "command"])
        for channel in channels {
            #expect(channel.groupWaitMicroseconds == 0 && channel.groupIntervalMicroseconds == 300_000_000)
            #expect(channel.repeatIntervalMicroseconds == nil && channel.quietHours == nil)
        }
        let mail = try #require(channels[0].channel as? MailChannel)
        #expect(mail.from == .local && mail.cc == [] && mail.call.words.dropFirst() == ["-t", "-i"])
        let own = try #require(channels[3].channel as? CommandChannel)
        #expect(own.call.words == ["sh", "-c", "cat"] && own.call.timeoutSeconds == 60)
        #expect(try read("{}").definition.channels.isEmpty)
    }

    @Test("Every key is understood")
    func readsEveryPart() throws {
        let scratch = try TemporaryProject()
        try scratch.write(
            "pipelines/project.jsonc",
            """
            { "channels": {
                "ops": { "mail": { "to": ["${OPS}", "The depot <depot@example.com>"], "from": "daybook@example.com",
                                   "cc": "lead@example.com", "command": ["msmtp", "-t"], "timeout": "10s" },
                         "group_wait": "30s", "group_interval": "10m", "repeat_interval": "4h",
                         "quiet_hours": { "from": "22:00", "to": "07:05", "time_zone": "Europe/Berlin",
                                          "days": ["sun", "sat", "sun"] } },
                "hook": { "webhook": { "url": "https://alerts.example.com/v1/daybook?room=ops",
                                       "headers": { "Authorization": "Bearer ${TOKEN}", "X-Room": "ops" },
                                       "timeout": "5s" } },
                "chat": { "slack": { "url": "${HOOK}", "timeout": "7s" } },
                "own": { "command": { "run": ["./notify.sh", "--all"], "environment": { "TOKEN": "${TOKEN}" },
                                      "timeout": "1m" },
                         "quiet_hours": { "from": "12:00", "to": "13:00", "days": "mon" } }
            } }
            """)
        let project = try Project(
            directory: scratch.directory, environment: ChannelDefinitionTests.environment)
        #expect(project.problems.map(\.description) == [])
        let channels = project.definition.channels
        try #require(channels.count == 4)
        let ops = channels[0]
        #expect(ops.groupWaitMicroseconds == 30_000_000 && ops.groupIntervalMicroseconds == 600_000_000)
        #expect(ops.repeatIntervalMicroseconds == 14_400_000_000)
        let quiet = try #require(ops.quietHours)
        #expect("\(quiet.from) \(quiet.to)" == "22:00 07:05" && quiet.from.minutes == 1_320)
        #expect(quiet.timeZone == "Europe/Berlin" && quiet.days == [6, 7])
        let mail = try #require(ops.channel as? MailChannel)
        #expect(mail.to.map(\.address) == ["ops@example.com", "depot@example.com"])
        #expect(mail.to.map(\.name) == [nil, "The depot"] && mail.cc.map(\.address) == ["lead@example.com"])
        #expect(mail.from.address == "daybook@example.com" && mail.call.words == ["msmtp", "-t"])
        #expect(mail.call.timeoutSeconds == 10 && mail.call.directory == project.directory)

        let hook = try #require(channels[1].channel as? WebhookChannel).post
        #expect(hook.url.text == "https://alerts.example.com/v1/daybook?room=ops" && hook.timeoutSeconds == 5)
        #expect(
            hook.headers.map { "\($0.name): \($0.value)" } == [
                "Authorization: Bearer s3cr3t-t0k3n", "X-Room: ops",
            ])
        #expect(hook.name == "https://alerts.example.com")

        let chat = try #require(channels[2].channel as? SlackChannel).post
        #expect(chat.name == "${HOOK}" && chat.timeoutSeconds == 7)
        let whole = try #require(ChannelDefinitionTests.environment["HOOK"])
        #expect(chat.secrets.hidden("no \(whole)") == "no ${HOOK}")
        #expect(chat.secrets.hidden("POST /services/T0000/B0000/s3cr3ts3cr3t") == "POST ${url}")
        #expect(chat.secrets.hidden("s3cr3ts3cr3t is revoked") == "${url} is revoked")

        let own = try #require(channels[3].channel as? CommandChannel).call
        #expect(own.words == ["./notify.sh", "--all"] && own.environment == ["TOKEN": "s3cr3t-t0k3n"])
        #expect(own.secrets.hidden("s3cr3t-t0k3n") == "${TOKEN}" && own.timeoutSeconds == 60)
        #expect(channels[3].quietHours?.timeZone == "UTC" && channels[3].quietHours?.days == [1])
    }

    /// What is told of channels that stand behind `{ "channels": `, from column 15 on.
    @Test(
        "Each mistake is told with its place and a way out",
        arguments: [
            (
                #"["ops"]"#,
                [
                    "15: channels is an array; it must be an object, as in "
                        + #"{ "ops": { "mail": { "to": "ops@example.com" } } }"#
                ]
            ),
            (
                #"{ "the ops": { "command": { "run": "cat" } } }"#,
                [#"17: the channel name "the ops" may hold letters of ASCII, digits, "_" and "-" only"#]
            ),
            (
                #"{ "a": { "command": { "run": "cat" } }, "a": {} }"#,
                [#"55: "a" is given twice in channels; remove one"#]
            ),
            (
                #"{ "a": {} }"#,
                [
                    #"22: channels.a lacks "mail", "webhook", "slack" or "command"; add for instance "#
                        + #""mail": { "to": "ops@example.com" }"#
                ]
            ),
            (
                #"{ "a": { "slak": { "url": "x" } } }"#,
                [#"24: unknown key "slak" in channels.a; did you mean "slack"?"#]
            ),
            (
                #"{ "a": { "slack": { "url": "${HOOK}" }, "command": { "run": "cat" } } }"#,
                [#"66: channels.a has "slack" and "command"; a channel is one of them: make two"#]
            ),
            (#"{ "a": "mail" }"#, ["22: channels.a is a string; it must be an object"]),
            (
                #"{ "a": { "mail": {} } }"#,
                [#"32: mail of channels.a lacks "to"; add for instance "to": "ops@example.com""#]
            ),
            (
                #"{ "a": { "mail": { "to": ["ops@example.com", "ops"], "form": "x" } } }"#,
                [
                    #"68: unknown key "form" in mail of channels.a; did you mean "from"?"#,
                    "60: to of mail of channels.a is no address, or more than one; write each like "
                        + #""ops@example.com" or "Ops <ops@example.com>""#,
                ]
            ),
            (
                #"{ "a": { "mail": { "to": "${OPS}", "command": ["msmtp", "${TOKEN}"] } } }"#,
                [
                    "71: command of mail of channels.a has a variable: everybody on the machine can see a program's "
                        + #"arguments; give it by "environment""#
                ]
            ),
            (
                #"{ "a": { "slack": { "url": "${NOWHERE}" } } }"#,
                [
                    "42: the environment variable NOWHERE is not set; set it, as in NOWHERE=… daybook run"
                ]
            ),
            (
                #"{ "a": { "slack": { "url": "hooks.example.com/x" } } }"#,
                [
                    "42: url of slack of channels.a is no address; write it like https://alerts.example/hook, or "
                        + "${ALERTS_URL}"
                ]
            ),
            (
                #"{ "a": { "webhook": { "url": "https://me:pass@example.com/x" } } }"#,
                [
                    "44: url of webhook of channels.a holds a name and password; say them by a header, as in "
                        + #""headers": { "Authorization": "Basic …" }"#
                ]
            ),
            (
                #"{ "a": { "webhook": { "url": "http://example.com/x" } } }"#,
                [
                    "44: warning: webhook of channels.a: alerts travel unencrypted; is there an https address?"
                ]
            ),
            (
                #"{ "a": { "webhook": { "url": "${HOOK}", "headers": { "X Y": "1", "content-type": "x", "Z": "a\nb" } } } }"#,
                [
                    #"68: "X Y" in headers of webhook of channels.a is no name of a header"#,
                    #"80: "content-type" in headers of webhook of channels.a is set by daybook; remove it"#,
                    #"106: "Z" in headers of webhook of channels.a holds a line end or another control"#,
                ]
            ),
            (
                #"{ "a": { "command": { "run": [], "timeout": "0s", "environment": { "A=B": "1" } } } }"#,
                [
                    "44: run of command of channels.a is an empty array",
                    #"82: "A=B" in environment of command of channels.a is no name of a variable"#,
                    "59: timeout of command of channels.a must be longer than nothing",
                ]
            ),
            (
                #"{ "a": { "command": { "run": "cat" }, "group_wait": 5, "repeat_interval": "0s" } }"#,
                [
                    "67: group_wait of channels.a is a number; it must be a duration: write it like 90s, 30m, 2h, 10d "
                        + "or PT30M",
                    "89: repeat_interval of channels.a must be longer than nothing; without it nothing is told again",
                ]
            ),
            (
                #"{ "a": { "command": { "run": "cat" }, "quiet_hours": { "from": "7", "to": "24:00" } } }"#,
                [
                    #"78: from of quiet_hours of channels.a is "7"; write it like "22:00", from "00:00" to "23:59""#,
                    #"89: to of quiet_hours of channels.a is "24:00"; write it like "07:00", from "00:00" to "23:59""#,
                ]
            ),
            (
                #"{ "a": { "command": { "run": "cat" }, "quiet_hours": { "from": "07:00" } } }"#,
                [#"68: quiet_hours of channels.a lacks "to"; add for instance "to": "07:00""#]
            ),
            (
                #"{ "a": { "command": { "run": "cat" }, "quiet_hours": { "from": "22:00", "to": "07:00", "time_zone": "Berlin", "days": ["sat", "saturday"] } } }"#,
                [
                    #"141: days of quiet_hours of channels.a holds "saturday"; days are mon, tue, wed, thu, fri, sat, sun"#,
                    #"115: time_zone of quiet_hours of channels.a is "Berlin"; it must be a name of the IANA database, as in "#
                        + #""Europe/Berlin""#,
                ]
            ),
        ])
    func mistakes(_ channels: String, _ expected: [String]) throws {
        let problems = try read(channels).problems.map(\.description)
        #expect(problems == expected.map { "pipelines/project.jsonc:1:\($0)" })
    }

    @Test("Offsets are no time zone of quiet hours: PostgreSQL reads their sign the other way")
    func offsets() throws {
        let project = try read(
            #"{ "a": { "command": { "run": "cat" }, "quiet_hours": { "from": "22:00", "to": "07:00", "time_zone": "+02:00" } } }"#
        )
        #expect(project.problems.map(\.severity) == [.error])
    }

    @Test("What a variable holds is in no problem, and in no error of its channel")
    func secrets() throws {
        let api = try TestAPI { request in
            TestAPI.Answer("\(request.target) \(request.headers["authorization"] ?? "")", status: 401)
        }
        let scratch = try TemporaryProject()
        try scratch.write(
            "pipelines/project.jsonc",
            """
            { "channels": {
              "hook": { "webhook": { "url": "${HOOK}", "headers": { "Authorization": "Bearer ${TOKEN}" } } },
              "own": { "command": { "run": "echo $T >&2; exit 3", "environment": { "T": "${TOKEN}" } } } } }
            """)
        let project = try Project(
            directory: scratch.directory,
            environment: ["HOOK": "\(api.url)/services/T0000/s3cr3ts3cr3t", "TOKEN": "s3cr3t-t0k3n"])
        #expect(project.problems.map(\.description) == [])
        let errors = project.definition.channels.map { definition -> String in
            do {
                try definition.channel.send(
                    Alerts.Notification(
                        idempotencyKey: "k", channel: definition.name, project: "shop", rule: "late",
                        type: "overdue", severity: "info", alerts: []))
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(
            errors == [
                "${HOOK}: answered 401: ${url} ${headers.Authorization}; are the url and its headers right?",
                "echo $T >&2; exit 3: exited with code 3: ${TOKEN}",
            ])
    }
}
