/// A notification as Slack takes it (docs.slack.dev/reference/block-kit): blocks, and a text for where they are not shown.
///
/// Slack refuses a message of which anything is too long, so that all that may be is cut.
struct SlackMessage: Encodable {
    let text: String
    let blocks: [Block]

    struct Block: Encodable {
        let type: String
        var text: Text?
        var elements: [Text]?
    }

    struct Text: Encodable {
        let type: String
        let text: String
        /// Whether addresses and names in it are left alone.
        var verbatim: Bool?

        static func markdown(_ text: String) -> Text { Text(type: "mrkdwn", text: text, verbatim: true) }
    }

    private static let mostInText = 3_000
    private static let mostInHeader = 150
    /// Of so many alerts all is told, of the others a line each.
    private static let mostDetailed = 5
    private static let mostInLine = 300
    private static let mostInFact = 200
    private static let mostInTimeline = 1_000
    /// Of all blocks; Slack refuses very long messages as a whole, and says nowhere from where on.
    private static let mostInAll = 12_000
    private static let mostBlocks = 50

    private static let signs = [
        "firing": ":red_circle:", "resolved": ":large_green_circle:", "withdrawn": ":white_circle:",
    ]

    init(_ notification: Notification) {
        text = SlackMessage.escaped(
            "[\(notification.project)] \(notification.headline)".oneLine, most: SlackMessage.mostInText)
        var blocks = [
            Block(
                type: "header",
                text: Text(
                    type: "plain_text", text: notification.headline.cut(utf16: SlackMessage.mostInHeader)))
        ]
        let facts = notification.facts.map { "\($0.name): \($0.value)" }.joined(separator: "  ·  ")
        blocks.append(
            Block(
                type: "context",
                elements: [.markdown(SlackMessage.escaped(facts, most: SlackMessage.mostInText))]))
        if let description = notification.description {
            blocks.append(
                .section(SlackMessage.escaped(description.someLines, most: SlackMessage.mostInText)))
        }
        let alerts = notification.groups.flatMap(\.alerts)
        var room = SlackMessage.mostInAll
        var detailed = 0
        for text in alerts.prefix(SlackMessage.mostDetailed).map({
            SlackMessage.details(of: $0, in: notification)
        }) {
            // The others are to be named, at least.
            guard text.utf16.count <= room - SlackMessage.mostInText else { break }
            room -= text.utf16.count
            detailed += 1
            blocks.append(.section(text))
        }
        let rest = SlackMessage.lines(alerts.dropFirst(detailed), room: room)
        blocks += rest.texts.prefix(SlackMessage.mostBlocks - blocks.count - 1).map(Block.section)
        let unlisted = notification.more + rest.left
        if unlisted > 0 {
            blocks.append(
                Block(
                    type: "context",
                    elements: [.markdown("… and \(unlisted) more that this message does not list")]))
        }
        self.blocks = blocks
    }

    private static func details(of alert: Notification.Alert, in notification: Notification) -> String {
        var lines = ["\(signs[alert.state] ?? "") \(escaped(alert.summary.oneLine, most: mostInLine))"]
        lines += notification.facts(of: alert).map { "\($0.name): \(escaped($0.value, most: mostInFact))" }
        var text = lines.joined(separator: "\n")
        let events = alert.timeline.map { "\($0.occurredAt.readableTime)  \($0.type)  \($0.service)".oneLine }
        if !events.isEmpty {
            // The end of the timeline tells most.
            let last = events.suffix(8).map { $0.cut(utf16: 120) }.joined(separator: "\n")
            text += "\n" + block(escaped(last, most: mostInTimeline))
        }
        if let sql = alert.sql?.someLines {
            // Half a statement is of no use.
            let statement = block(escaped(sql, most: .max))
            if text.utf16.count + 1 + statement.utf16.count <= mostInText { text += "\n" + statement }
        }
        return text
    }

    /// A line for each alert, put together to as few texts as may be, and for how many there was no room.
    private static func lines(_ alerts: ArraySlice<Notification.Alert>, room: Int) -> (
        texts: [String], left: Int
    ) {
        var texts: [String] = []
        var room = room
        for (index, alert) in alerts.enumerated() {
            let line = "\(signs[alert.state] ?? "") \(escaped(alert.brief, most: mostInLine))"
            let length = line.utf16.count + 1
            guard length <= room else { return (texts, alerts.count - index) }
            room -= length
            if let last = texts.last, last.utf16.count + length <= mostInText {
                texts[texts.count - 1] += "\n" + line
            } else {
                texts.append(line)
            }
        }
        return (texts, 0)
    }

    /// Shown as it stands; no backtick in it ends it.
    private static func block(_ text: String) -> String {
        "```\(text.replacing("`", with: "ˋ"))```"
    }

    /// With what Slack would take for marks escaped, and at most so long then.
    private static func escaped(_ text: String, most: Int) -> String {
        let marks: [Character: String] = ["&": "&amp;", "<": "&lt;", ">": "&gt;"]
        var result = ""
        var length = 0
        for character in text {
            let form = marks[character] ?? String(character)
            length += form.utf16.count
            // Room for the sign that something is missing.
            if length > most - 1 { return result + "…" }
            result += form
        }
        return result
    }
}

extension SlackMessage.Block {
    fileprivate static func section(_ text: String) -> SlackMessage.Block {
        SlackMessage.Block(type: "section", text: .markdown(text))
    }
}

extension String {
    /// At most so many UTF-16 units.
    fileprivate func cut(utf16 count: Int) -> String {
        guard utf16.count > count else { return self }
        var result = self
        while result.utf16.count > count - 1 { result.removeLast() }
        return result + "…"
    }
}
