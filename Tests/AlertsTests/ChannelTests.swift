import Alerts
import Extract
import Foundation
import TestSupport
import Testing

/// Programs that take messages: the `command` channel, and what it has in common with mail.
struct CommandChannelTests {
    private let project: TemporaryProject

    init() throws { project = try TemporaryProject() }

    private func channel(_ line: String, timeout: Double = 20) -> CommandChannel {
        var call = ProgramCall(["sh", "-c", line], directory: project.directory)
        call.timeoutSeconds = timeout
        return CommandChannel(call)
    }

    private func text(_ name: String) throws -> String {
        String(
            decoding: try #require(FileManager.default.contents(atPath: project.path(name))), as: UTF8.self)
    }

    @Test("A program gets the notification as JSON, its own variables, and runs in the project")
    func takesJSON() throws {
        var channel = channel("cat > taken.json; echo $ROOM $HOME > room; pwd > place")
        var call = channel.call
        call.environment = ["ROOM": "ops"]
        channel = CommandChannel(call)
        let notification = Notification.late([.order("o-1\n<\"é"), .order("o-2", "resolved")], more: 2)
        try channel.send(notification)
        let taken = try JSONDecoder().decode(Notification.self, from: Data(text("taken.json").utf8))
        #expect(taken == notification)
        #expect(try text("room").hasPrefix("ops /"))
        #expect(try text("place") == "\(project.directory)\n")
    }

    @Test("Numbers that JSON does not have do not keep a message back")
    func oddNumbers() throws {
        var alert = Notification.Alert.order("o-1")
        alert.value = .infinity
        try channel("cat > taken.json").send(.late([alert]))
        #expect(try text("taken.json").contains("\"value\":\"Infinity\""))
    }

    @Test("A program that takes too long is ended, with all that it started")
    func timeout() throws {
        let began = Date()
        let words = failure(of: channel("sleep 300 & echo $! > pid; echo waiting >&2; wait", timeout: 0.5))
        #expect(words == "sh: had not ended after 0.5 s (timeout), and was ended: waiting")
        #expect(Date().timeIntervalSince(began) < 10)
        let sleeper = try #require(pid_t(try text("pid").trimmingCharacters(in: .newlines)))
        // Whoever takes over orphans may take a moment to bury it.
        let isGone = (0..<100).contains { _ in
            if kill(sleeper, 0) != 0 || state(of: sleeper) == "Z" { return true }
            Thread.sleep(forTimeInterval: 0.05)
            return false
        }
        #expect(isGone)
    }

    private func state(of process: pid_t) -> String? {
        let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        return status?.components(separatedBy: ") ").last?.prefix(1).description
    }

    @Test("What a program leaves running does not hold a message up, and reading nothing is no mistake")
    func patience() throws {
        let began = Date()
        try channel("sleep 20 & echo $! > pid; cat > /dev/null").send(.late([.order("o-1")]))
        #expect(Date().timeIntervalSince(began) < 10)
        kill(try #require(pid_t(try text("pid").trimmingCharacters(in: .newlines))), SIGKILL)
        let large = Notification.late([.order("o-1", summary: String(repeating: "x", count: 4 << 20))])
        try channel("exit 0").send(large)
        try channel("head -c 3000000 /dev/zero; cat > /dev/null").send(large)
    }

    @Test("Secrets are not in errors, nor half of them")
    func secrets() throws {
        let secrets = Secrets()
        secrets.add("s3cr3t-t0k3n", word: "${TOKEN}")
        var call = channel("echo \"$TOKEN is wrong\" >&2; exit 1").call
        call.environment = ["TOKEN": "s3cr3t-t0k3n"]
        call.secrets = secrets
        #expect(failure(of: CommandChannel(call)) == "sh: exited with code 1: ${TOKEN} is wrong")
        for padding in 980...1_010 {
            call.words = [
                "sh", "-c", "printf %s \"$TOKEN\" >&2; head -c \(padding) /dev/zero | tr '\\0' . >&2; exit 1",
            ]
            let words = try #require(failure(of: CommandChannel(call)))
            #expect(!words.contains("t0k3n") && words.count < 1_100)
        }
    }

    @Test("Messages go out from many threads at once")
    func threads() throws {
        let channel = channel("cat > /dev/null")
        DispatchQueue.concurrentPerform(iterations: 16) { index in
            #expect(failure(of: channel, .late([.order("o-\(index)")])) == nil)
        }
    }
}

/// What is posted to servers: `webhook` and `slack`.
struct PostedChannelTests {
    private func post(_ url: String, timeout: Double = 20) throws -> HTTPPost {
        var post = HTTPPost(name: "http://hooks.example.com", url: try #require(HTTPAddress(url)))
        post.timeoutSeconds = timeout
        return post
    }

    private struct Body: Decodable {
        struct Alert: Decodable {
            let status: String
            let labels: [String: String]
            let annotations: [String: String]
            let startsAt: String
            let endsAt: String
            let fingerprint: String
        }
        let groupKey: String
        let truncatedAlerts: Int
        let status: String
        let receiver: String
        let commonLabels: [String: String]
        let commonAnnotations: [String: String]
        let alerts: [Alert]
    }

    private func posted(_ notification: Notification) throws -> Body {
        let api = try TestAPI { _ in TestAPI.Answer("") }
        try WebhookChannel(try post("\(api.url)/hook")).send(notification)
        return try JSONDecoder().decode(Body.self, from: Data(try #require(api.requests.first).body.utf8))
    }

    @Test("A webhook gets what Alertmanager would post")
    func webhook() throws {
        let api = try TestAPI { _ in TestAPI.Answer("taken", status: 202) }
        var post = try post("\(api.url)/hook?room=ops")
        post.headers = [HTTPHeader("Authorization", "Bearer abc"), HTTPHeader("X-Room", "ops")]
        try WebhookChannel(post).send(.late([.order("o-1")], key: "run 7/é"))
        let request = try #require(api.requests.first)
        #expect(api.requests.count == 1 && request.method == "POST" && request.target == "/hook?room=ops")
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.headers["idempotency-key"] == "run%207%2F%C3%A9")
        #expect(request.headers["authorization"] == "Bearer abc" && request.headers["x-room"] == "ops")
        let body = try JSONDecoder().decode(Body.self, from: Data(request.body.utf8))
        #expect(body.groupKey == #"{}:{alertname="late_orders", project="shop"}"#)
        #expect(body.status == "firing" && body.receiver == "ops" && body.truncatedAlerts == 0)
        let alert = try #require(body.alerts.first)
        #expect(
            alert.labels == [
                "alertname": "late_orders", "project": "shop", "type": "overdue", "severity": "critical",
                "sla": "order_delivered", "entity": "order", "case_id": "o-1", "cycle": "1",
            ])
        #expect(body.commonLabels == alert.labels && body.commonAnnotations == alert.annotations)
        #expect(
            alert.annotations == [
                "summary": "order o-1 is overdue", "state": "firing", "alert_id": "1",
                "detected_at": "2026-01-05T10:02:05.125Z", "detected_late_seconds": "125.125",
                "description": "Call the depot.",
                "sql": "SELECT * FROM raw.events\nWHERE case_id = 'o-1';",
                "timeline":
                    "2026-01-05T09:00:00Z order.created checkout\n2026-01-05T09:30:00Z order.packed depot",
            ])
        #expect(alert.startsAt == "2026-01-05T10:00:00Z" && alert.endsAt == "0001-01-01T00:00:00Z")
    }

    @Test("What is over is resolved, and what never was says so; an alert keeps its fingerprint")
    func states() throws {
        let fired = try posted(.late([.order("o-1")])).alerts[0]
        let body = try posted(.late([.order("o-1", "resolved"), .order("o-2", "withdrawn")], more: 4))
        #expect(body.status == "resolved" && body.truncatedAlerts == 4)
        #expect(body.alerts.map(\.status) == ["resolved", "resolved"])
        #expect(body.alerts.map { $0.annotations["state"] } == ["resolved", "withdrawn"])
        #expect(body.alerts.map(\.endsAt) == ["2026-01-05T11:00:00Z", "2026-01-05T11:00:00Z"])
        #expect(body.alerts[0].annotations["reason"] == "delivered late")
        #expect(body.alerts[0].fingerprint == fired.fingerprint)
        #expect(body.alerts[1].fingerprint != fired.fingerprint)
        #expect(body.commonLabels["case_id"] == nil && body.commonLabels["severity"] == "critical")
    }

    @Test("The fields are those of Alertmanager's webhooks, version 4", .enabled(if: Python.path != nil))
    func isAlertmanagers() throws {
        let project = try TemporaryProject()
        let api = try TestAPI { _ in TestAPI.Answer("") }
        let channel = WebhookChannel(try post(api.url))
        let hostile = hostileTexts.enumerated().map {
            Notification.Alert.order(
                $1, ["firing", "resolved", "withdrawn"][$0 % 3], id: Int64($0), summary: $1)
        }
        for notification in [
            Notification.late([.order("o-1")]), .late([.order("o-1", "resolved")], more: 3), .late(hostile),
            .late([.order("o-1", "withdrawn"), .order("o-2", "withdrawn")]),
        ] {
            try channel.send(notification)
            try project.write("body.json", try #require(api.requests.last).body)
            #expect(try Python.run("check_alertmanager.py", [project.path("body.json")]) == "")
        }
    }

    // MARK: - Slack

    private struct SlackBody: Decodable {
        struct Block: Decodable {
            let type: String
            let text: Text?
            let elements: [Text]?
            var texts: [Text] { [text].compactMap { $0 } + (elements ?? []) }
        }
        struct Text: Decodable {
            let type: String
            let text: String
        }
        let text: String
        let blocks: [Block]
        var all: String { blocks.flatMap(\.texts).map(\.text).joined(separator: "\n") }
    }

    private func slack(_ notification: Notification) throws -> SlackBody {
        let api = try TestAPI { _ in TestAPI.Answer("ok") }
        try SlackChannel(try post("\(api.url)/services/T0/B0/x")).send(notification)
        return try JSONDecoder().decode(
            SlackBody.self, from: Data(try #require(api.requests.first).body.utf8))
    }

    @Test("Slack gets blocks, and a text for where they are not shown")
    func slackMessage() throws {
        let body = try slack(.late([.order("o-1", summary: "order <o-1> & its parcel are overdue")]))
        #expect(body.text == "[shop] late_orders: order &lt;o-1&gt; &amp; its parcel are overdue")
        #expect(body.blocks.map(\.type) == ["header", "context", "section", "section"])
        #expect(body.blocks[2].text?.text == "Call the depot.")
        #expect(
            body.blocks[3].text?.text == """
                :red_circle: order &lt;o-1&gt; &amp; its parcel are overdue
                Case: o-1 (order)
                Since: 2026-01-05 10:00:00 UTC
                Detected: 2026-01-05 10:02:05 UTC, 2 min 5 s later
                ```2026-01-05 09:00:00 UTC  order.created  checkout
                2026-01-05 09:30:00 UTC  order.packed  depot```
                ```SELECT * FROM raw.events
                WHERE case_id = 'o-1';```
                """)
    }

    @Test("Nothing is longer than Slack allows, and nobody is called by a name in it")
    func slackLimits() throws {
        let long = String(repeating: "<&>😀`", count: 2_000)
        let hostile = (0..<400).map {
            Notification.Alert.order(hostileTexts[$0 % hostileTexts.count], id: Int64($0), summary: long)
        }
        var few = Notification.late(Array(hostile.prefix(3)))
        few.description = long
        few.rule = long
        for notification in [few, .late(hostile, more: 100), .late((0..<3_000).map { .order("o-\($0)") })] {
            let body = try slack(notification)
            #expect(body.blocks.count <= 50 && body.text.utf16.count <= 3_000)
            for block in body.blocks {
                for text in block.texts {
                    #expect((1...(block.type == "header" ? 150 : 3_000)).contains(text.text.utf16.count))
                    guard text.type == "mrkdwn" else { continue }
                    #expect(!text.text.contains("<") && !text.text.contains(">"))
                    #expect(text.text.replacing(#/&(amp|lt|gt);/#, with: "").contains("&") == false)
                }
            }
            #expect(body.all.utf16.count <= 20_000)
        }
        let many = try slack(.late((0..<3_000).map { .order("o-\($0)") }, more: 10)).all
        let listed = many.components(separatedBy: ":red_circle:").count - 1
        #expect(listed > 50 && many.hasSuffix("… and \(3_010 - listed) more that this message does not list"))
    }

    // MARK: - What goes wrong

    @Test("Any answer but 2xx is a failure, told by its first words")
    func refusals() throws {
        let api = try TestAPI { _ in TestAPI.Answer("no_service\n at all", status: 404) }
        let channel = SlackChannel(try post(api.url))
        #expect(
            failure(of: channel)
                == "http://hooks.example.com: answered 404: no_service at all; is the url right?")
        api.change { _ in TestAPI.Answer("", status: 503) }
        #expect(failure(of: channel) == "http://hooks.example.com: answered 503")
        api.change { _ in TestAPI.Answer(String(repeating: "\u{1B}[31mlong ", count: 90_000), status: 500) }
        let words = try #require(failure(of: channel))
        #expect(words.count < 400 && !words.contains("\u{1B}"))
        #expect(api.requests.count == 3)
    }

    @Test("Nobody else gets what was for one server")
    func redirects() throws {
        let other = try TestAPI { _ in TestAPI.Answer("") }
        let target = "\(other.url)/hook?token=s3cr3t"
        for status in [301, 302, 303, 307, 308] {
            let api = try TestAPI { _ in TestAPI.Answer("", status: status, headers: [("Location", target)]) }
            #expect(
                failure(of: WebhookChannel(try post(api.url)))
                    == "http://hooks.example.com: answered \(status), which leads to \(other.url); redirects are not "
                    + "followed: write as url where they end")
        }
        #expect(other.requests.isEmpty)
    }

    @Test("A server that is silent, slow or away is given up")
    func silence() throws {
        let api = try TestAPI { _ in .silence }
        #expect(
            failure(of: WebhookChannel(try post(api.url)))?.hasPrefix(
                "http://hooks.example.com: did not answer: ")
                == true)
        api.change { _ in
            var answer = TestAPI.Answer("late")
            answer.delay = 3
            return answer
        }
        let began = Date()
        #expect(
            failure(of: WebhookChannel(try post(api.url, timeout: 0.5)))
                == "http://hooks.example.com: did not answer within 0.5 s (timeout)")
        #expect(Date().timeIntervalSince(began) < 2.5)
        api.stop()
        #expect(failure(of: WebhookChannel(try post(api.url)))?.contains("did not answer: ") == true)
    }

    @Test("Secrets in an answer are hidden")
    func secrets() throws {
        let api = try TestAPI { request in
            TestAPI.Answer("\(request.target) \(request.headers["x-api-key"] ?? "")", status: 403)
        }
        var post = try post("\(api.url)/services/T0000/B0000/abcdefghijkl")
        post.headers = [HTTPHeader("X-Api-Key", "0123456789")]
        post.secrets.add("/services/T0000/B0000/abcdefghijkl", word: "${url}")
        post.secrets.add("0123456789", word: "${KEY}")
        #expect(
            failure(of: WebhookChannel(post))
                == "http://hooks.example.com: answered 403: ${url} ${KEY}; are the url and its headers right?"
        )
    }
}
