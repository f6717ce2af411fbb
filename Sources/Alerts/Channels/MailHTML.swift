/// A notification as HTML that needs nothing from elsewhere. Text has the reader's own colours, and what is coloured has
/// both its colours set, so that it can be read on light and on dark.
struct MailHTML {
    private let notification: Notification

    init(_ notification: Notification) { self.notification = notification }

    private static let bodyStyle =
        "margin:0;padding:24px 16px;color-scheme:light dark;"
        + "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
    private static let line = "rgba(128,128,128,.35)"
    private static let monospace = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px"

    /// White on it can be read.
    private static let colours = [
        "firing": "#c62828", "resolved": "#1b7a43", "withdrawn": "#5f6b7a",
        "critical": "#c62828", "warning": "#95600a", "info": "#1f63b5",
    ]

    var text: String {
        var body = [
            "<p style=\"margin:0 0 8px\">\(badge(notification.severity, notification.severity))</p>",
            "<h1 style=\"margin:0 0 12px;font-size:20px;line-height:1.3;overflow-wrap:anywhere\">"
                + "\(escaped(notification.headline))</h1>",
        ]
        if let description = notification.description {
            body.append(
                "<p style=\"margin:0 0 12px;white-space:pre-line;overflow-wrap:anywhere\">\(escaped(description.someLines))</p>"
            )
        }
        body.append(table(notification.facts.filter { $0.name != "Severity" }))
        var detailed = 0
        for (state, alerts) in notification.groups {
            body.append(
                "<h2 style=\"margin:28px 0 12px;font-size:15px\">\(badge("\(alerts.count) \(state)", state))</h2>"
            )
            let whole = alerts.prefix(MailText.mostDetailed - detailed)
            detailed += whole.count
            body += whole.map(card)
            let rest = alerts.dropFirst(whole.count)
            if !rest.isEmpty { body.append(list(rest.map(\.brief))) }
        }
        if let more = notification.moreWords {
            body.append("<p style=\"margin:20px 0 0\">\(escaped(more))</p>")
        }
        return page(body.joined(separator: "\n"))
    }

    private func page(_ body: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="supported-color-schemes" content="light dark">
        <title>\(escaped(notification.headline))</title>
        </head>
        <body style="\(MailHTML.bodyStyle)">
        <div style="max-width:680px;margin:0 auto">
        \(body)
        </div>
        </body>
        </html>
        """
    }

    private func card(_ alert: Notification.Alert) -> String {
        let colour = MailHTML.colours[alert.state] ?? "#5f6b7a"
        var parts = [
            "<p style=\"margin:0 0 6px;font-weight:600;overflow-wrap:anywhere\">\(escaped(alert.summary.oneLine))</p>",
            table(notification.facts(of: alert)),
        ]
        if !alert.timeline.isEmpty {
            parts.append(label("Timeline"))
            parts.append(
                rows(
                    alert.timeline.map { [$0.occurredAt.readableTime, $0.type.oneLine, $0.service.oneLine] }))
        }
        if let sql = alert.sql {
            parts.append(label("Look further"))
            parts.append(
                "<pre style=\"margin:0;padding:8px 10px;border-radius:4px;background:rgba(128,128,128,.14);"
                    + "\(MailHTML.monospace);white-space:pre-wrap;overflow-wrap:anywhere\">\(escaped(sql.someLines))</pre>"
            )
        }
        return "<div style=\"margin:0 0 16px;padding:12px 14px;border:1px solid \(MailHTML.line);"
            + "border-left:4px solid \(colour);border-radius:4px\">\n\(parts.joined(separator: "\n"))\n</div>"
    }

    private func table(_ facts: [(name: String, value: String)]) -> String {
        let cell = "padding:1px 16px 1px 0;vertical-align:top;text-align:left"
        let rows = facts.map { name, value in
            "<tr><th style=\"\(cell);font-weight:400;opacity:.7;white-space:nowrap\">\(escaped(name))</th>"
                + "<td style=\"\(cell);overflow-wrap:anywhere\">\(escaped(value))</td></tr>"
        }
        return "<table role=\"presentation\" style=\"border-collapse:collapse\">\n"
            + "\(rows.joined(separator: "\n"))\n</table>"
    }

    private func rows(_ rows: [[String]]) -> String {
        let cell =
            "padding:2px 16px 2px 0;border-top:1px solid \(MailHTML.line);vertical-align:top;overflow-wrap:anywhere"
        let lines = rows.map { row in
            "<tr>" + row.map { "<td style=\"\(cell)\">\(escaped($0))</td>" }.joined() + "</tr>"
        }
        return "<table role=\"presentation\" style=\"width:100%;border-collapse:collapse;font-size:13px\">\n"
            + "\(lines.joined(separator: "\n"))\n</table>"
    }

    private func list(_ items: [String]) -> String {
        let lines = items.map { "<li style=\"margin:0 0 4px;overflow-wrap:anywhere\">\(escaped($0))</li>" }
        return "<ul style=\"margin:0;padding:0 0 0 20px\">\n\(lines.joined(separator: "\n"))\n</ul>"
    }

    private func label(_ text: String) -> String {
        "<p style=\"margin:10px 0 4px;font-size:13px;opacity:.7\">\(escaped(text))</p>"
    }

    private func badge(_ text: String, _ kind: String) -> String {
        "<span style=\"display:inline-block;padding:2px 9px;border-radius:10px;font-size:12px;font-weight:600;"
            + "color:#ffffff;background:\(MailHTML.colours[kind] ?? "#5f6b7a")\">\(escaped(text.oneLine))</span>"
    }

    private func escaped(_ text: String) -> String { text.escapedForHTML }
}
