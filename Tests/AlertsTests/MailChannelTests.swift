import Alerts
import Extract
import Foundation
import TestSupport
import Testing

/// Mail as a program gets it that is called as sendmail is.
struct MailChannelTests {
    private let project: TemporaryProject

    init() throws { project = try TemporaryProject() }

    private func channel(
        _ line: String = "cat > message.eml", to: [String] = ["ops@example.com"]
    ) throws -> MailChannel {
        var call = ProgramCall(["sh", "-c", line], directory: project.directory)
        call.timeoutSeconds = 20
        return MailChannel(
            to: try to.map { try #require(MailAddress($0)) },
            from: try #require(MailAddress("daybook@shop.example.com")), call: call)
    }

    private func message(_ name: String = "message.eml") throws -> String {
        String(
            decoding: try #require(FileManager.default.contents(atPath: project.path(name))), as: UTF8.self)
    }

    private func header(_ name: String, of message: String) -> String? {
        message.components(separatedBy: "\r\n").first { $0.hasPrefix("\(name): ") }.map {
            String($0.dropFirst(name.count + 2))
        }
    }

    @Test("A message has the head that a mail program needs, and says it all as text")
    func wholeMessage() throws {
        try channel().send(.late([.order("o-1")]))
        let message = try message()
        #expect(header("From", of: message) == "daybook@shop.example.com")
        #expect(header("To", of: message) == "ops@example.com")
        #expect(header("Subject", of: message) == "[shop] late_orders: order o-1 is overdue")
        #expect(header("Auto-Submitted", of: message) == "auto-generated")
        #expect(header("X-Daybook-Idempotency-Key", of: message) == "k1")
        #expect(
            message.contains(
                """
                late_orders: order o-1 is overdue

                Project   shop
                Rule      late_orders (overdue)
                SLA       order_delivered
                Severity  critical

                Call the depot.

                FIRING (1)

                order o-1 is overdue
                  Case      o-1 (order)
                  Since     2026-01-05 10:00:00 UTC
                  Detected  2026-01-05 10:02:05 UTC, 2 min 5 s later
                  Timeline
                    2026-01-05 09:00:00 UTC  order.created  checkout
                    2026-01-05 09:30:00 UTC  order.packed  depot
                  Look further
                    SELECT * FROM raw.events
                    WHERE case_id =3D 'o-1';

                """.replacing("\n", with: "\r\n")))
    }

    @Test(
        "The subject tells one alert, or how many there are",
        arguments: [
            (Notification.late([.order("o-1", "resolved")]), "resolved: order o-1 is overdue"),
            (.late([.order("o-1", "withdrawn")]), "withdrawn: order o-1 is overdue"),
            (.late([.order("1"), .order("2", "resolved"), .order("3")]), "2 firing, 1 resolved"),
            (.late([.order("1")], more: 7), "1 firing, 7 more"),
        ])
    func subjects(_ notification: Notification, _ subject: String) throws {
        try channel().send(notification)
        #expect(header("Subject", of: try message()) == "[shop] late_orders: \(subject)")
        var reminder = notification
        reminder.isRepeat = true
        try channel().send(reminder)
        #expect(header("Subject", of: try message()) == "[shop] late_orders: \(subject) (reminder)")
    }

    @Test("What is sent again is the same message, and all mail of a rule one conversation")
    func identities() throws {
        func identities(_ notification: Notification) throws -> [String?] {
            try channel().send(notification)
            let message = try message()
            return ["Message-ID", "References", "In-Reply-To"].map { header($0, of: message) }
        }
        let first = try identities(.late([.order("o-1")]))
        #expect(first.allSatisfy { $0?.wholeMatch(of: #/<[a-z0-9.]+@shop\.example\.com>/#) != nil })
        #expect(try identities(.late([.order("o-1")])) == first)
        let next = try identities(.late([.order("o-2")], key: "k2"))
        #expect(next[0] != first[0] && next[1] == first[1] && next[2] == first[1])
        var other = Notification.late([.order("o-1")], key: "k3")
        other.rule = "late_refunds"
        #expect(try identities(other)[1] != first[1])
    }

    @Test("Of many alerts the first are told in full, and the others by a line each")
    func manyAlerts() throws {
        let firing = (1...15).map { Notification.Alert.order("o-\($0)", id: Int64($0)) }
        try channel().send(.late([.order("r-1", "resolved")] + firing, more: 3))
        let message = try message().replacing("=\r\n", with: "")
        #expect(message.contains("FIRING (15)") && message.contains("RESOLVED (1)"))
        #expect(message.contains("\r\n- order o-11 is overdue (since 2026-01-05 10:00:00 UTC)\r\n"))
        #expect(
            message.contains(
                "- order r-1 is overdue (since 2026-01-05 10:00:00 UTC, resolved: delivered late)\r\n"))
        #expect(message.components(separatedBy: "  Case      ").count == 11)
        #expect(message.contains("and 3 more that this message does not list"))
    }

    // MARK: - What Python makes of it

    private struct Judged: Decodable {
        let mistakes: [String]
        let headers: [String: String]?
        let to: [[String]]?
        let text: String?
        let page: String?
    }

    private func judge(_ files: [String]) throws -> [Judged] {
        try Python.run("check_mail.py", files.map(project.path)).split(separator: "\n").map {
            try JSONDecoder().decode(Judged.self, from: Data($0.utf8))
        }
    }

    @Test("Python's email reads what was meant", .enabled(if: Python.path != nil))
    func isMIME() throws {
        let alert = Notification.Alert.order(
            "o-1", summary: "order für 東京 <o-1> ist überfällig – seit gestern")
        try channel(to: [
            "ops@example.com", "\"Depot, Süd\" <depot@example.com>", "A. Clerk <clerk@example.com>",
        ]).send(.late([alert]))
        let judged = try #require(try judge(["message.eml"]).first)
        #expect(judged.mistakes == [])
        #expect(
            judged.headers?["Subject"]
                == "[shop] late_orders: order für 東京 <o-1> ist überfällig – seit gestern")
        #expect(
            judged.to == [
                ["", "ops@example.com"], ["Depot, Süd", "depot@example.com"],
                ["A. Clerk", "clerk@example.com"],
            ])
        #expect(judged.text?.contains("order für 東京 <o-1> ist überfällig – seit gestern\n  Case") == true)
        for words in [
            "order für 東京 <o-1> ist überfällig", "WHERE case_id = 'o-1';", "Call the depot.", "order.packed",
        ] {
            #expect(judged.page?.contains(words) == true, "\(words)")
        }
    }

    @Test("Whatever names hold, a message is one message", .enabled(if: Python.path != nil))
    func hostileNames() throws {
        var dice = Dice(seed: 7)
        func text() -> String {
            hostileTexts.randomElement(using: &dice)! + hostileTexts.randomElement(using: &dice)!
        }
        var sent: [Notification] = []
        for index in 0..<120 {
            let alerts = (0..<Int.random(in: 1...3, using: &dice)).map { _ in
                Notification.Alert(
                    alertID: 1, state: ["firing", "resolved", "withdrawn"].randomElement(using: &dice)!,
                    caseID: text(),
                    cycle: 2, entity: text(), summary: text(), since: text(), detectedAt: text(),
                    detectedLateSeconds: [-1, 0, 1e300, .infinity, .nan].randomElement(using: &dice)!,
                    endedAt: text(),
                    reason: text(), value: [1e300, -.infinity, .nan, 0.1].randomElement(using: &dice)!,
                    timeline: [Notification.Event(occurredAt: text(), type: text(), service: text())],
                    sql: text())
            }
            let notification = Notification(
                idempotencyKey: text(), channel: text(), project: text(), rule: text(), type: text(),
                severity: text(), sla: text(), description: text(), alerts: alerts, more: index % 2)
            try channel("cat > \(index).eml", to: ["Ops =?x?= \"<b>\" <ops@example.com>"]).send(notification)
            sent.append(notification)
        }
        let judged = try judge(sent.indices.map { "\($0).eml" })
        #expect(judged.count == sent.count)
        for (index, judged) in judged.enumerated() {
            #expect(judged.mistakes == [], "message \(index)")
            let cases = sent[index].alerts.map(\.caseID).filter { name in
                !name.isEmpty
                    && !name.unicodeScalars.contains {
                        $0.value < 0x20 || $0.value == 0x85 || $0.value == 0x2028
                    }
            }
            for name in cases {
                #expect(judged.text?.contains(name) == true && judged.page?.contains(name) == true)
            }
            #expect(judged.headers?["Subject"]?.hasPrefix("[") == true)
            #expect(judged.to?.map(\.last) == ["ops@example.com"])
        }
    }

    @Test("An address is one, and nothing else")
    func addresses() {
        for text in [
            "ops@example.com", "Ops <ops@example.com>", "\"Ops, all\" <o.p+s@a.example.com>",
            "root@localhost",
        ] {
            #expect(MailAddress(text) != nil, "\(text)")
        }
        for text in [
            "", "ops", "a@example.com, b@example.com", "ops@example.com\nBcc: x@example.com", "@example.com",
            "ops@",
            "Ops\n <ops@example.com>", "ops @example.com", "öps@example.com", "<ops@example.com",
            "ops@@example.com",
            "a@b@example.com", "ops@example.com>",
        ] {
            #expect(MailAddress(text) == nil, "\(text)")
        }
        #expect(MailAddress.local.address.hasPrefix("daybook@"))
    }

    // MARK: - What goes wrong

    @Test("A program that fails is told with what it said")
    func failures() throws {
        #expect(
            failure(of: try channel("echo 'the queue' >&2; echo is full >&2; exit 75"))
                == "sh: exited with code 75: the queue is full")
        #expect(failure(of: try channel("kill -TERM $$")) == "sh: was ended by signal 15")
        let missing = MailChannel(
            to: [.local], call: ProgramCall(["no-such-sendmail", "-t"], directory: project.directory))
        #expect(
            failure(of: missing)
                == "no-such-sendmail: is not there, or not in the PATH; install it, or say where it is")
        #expect(failure(of: try channel("echo '\u{1B}[2J' >&2; exit 1"))?.contains("\u{1B}") == false)
    }

    @Test(
        "The sendmail of the machine is called, where there is one, to read in the head for whom the mail is")
    func usualProgram() {
        let call = MailChannel.sendmail(directory: "/")
        #expect(call.words.first?.hasSuffix("sendmail") == true && call.words.dropFirst() == ["-t", "-i"])
        #expect(call.timeoutSeconds == 60)
    }
}
