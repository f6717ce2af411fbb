/// A case on a line, to scale: its events by number, the time it was allowed, and what it took beyond.
struct CaseStrip {
    struct Event {
        let at: Double
        let title: String
        var isDeadLetter = false
    }

    /// Where something was to be done.
    struct Deadline {
        let at: Double
        let title: String
        let label: String
    }

    let events: [Event]
    let from: Double
    let to: Double
    /// The times that were allowed, and those beyond them.
    var allowed: ClosedRange<Double>?
    var beyond: ClosedRange<Double>?
    var deadlines: [Deadline] = []
    /// Whether it goes on beyond what is shown; of what does, no more is told than whether it is beyond a time allowed.
    var rest: Rest?

    enum Rest { case allowed, beyond }

    private static let radius = 8.0
    private static let mostRows = 5
    private static let mostLabelRows = 4
    /// Of a row, and of a letter of a name in it: as on a narrow page, where letters are larger.
    private static let (labelHeight, letterWidth) = (18.0, 9.4)
    /// Of so many at each end the names are shown; those between are of the same SLA most of the time.
    private static let namedAtEnds = 4
    /// Lines that stand closer would be a surface, and circles a bar.
    private static let (lineDistance, circleDistance) = (3.0, 6.0)
    /// With four digits, a number does not fit into its circle.
    private static let numbered = 1..<1_000

    struct Drawing {
        let html: HTML
        /// Deadlines whose names found no room.
        let unlabelled: Int
    }

    private func x(_ time: Double) -> Double {
        14 + (time - from) / max(to - from, 0.000_001) * (right - 14)
    }

    /// Where `to` is.
    private var right: Double { Plot.width - 14 - (rest == nil ? 0 : CaseStrip.restWidth) }
    private static let restWidth = 52.0

    // MARK: - Deadlines

    private struct PlacedDeadline {
        let title: String
        let x: Double
        /// Nil where it has no room.
        var label: (text: String, middle: Double, row: Int)?
    }

    /// Deadlines with their labels, those that would cover each other in rows of their own.
    private var placedDeadlines: [PlacedDeadline] {
        var ends: [Double] = []
        let unnamed =
            CaseStrip.namedAtEnds..<max(CaseStrip.namedAtEnds, deadlines.count - CaseStrip.namedAtEnds)
        return deadlines.sorted { $0.at < $1.at }.enumerated().map { index, deadline in
            var placed = PlacedDeadline(title: deadline.title, x: x(deadline.at))
            guard !unnamed.contains(index) else { return placed }
            let text = String(deadline.label.prefix(60))
            let width = Double(text.displayWidth) * CaseStrip.letterWidth
            let textX = max(4, min(placed.x - width / 2, Plot.width - width - 4))
            let row = ends.firstIndex { textX > $0 + 10 } ?? ends.count
            guard row < CaseStrip.mostLabelRows else { return placed }
            if row == ends.count { ends.append(textX + width) } else { ends[row] = textX + width }
            placed.label = (text, textX + width / 2, row)
            return placed
        }
    }

    // MARK: - Events

    private struct PlacedEvent {
        let index: Int
        let x: Double
        let row: Int
        /// Whether no other stands over its number.
        var isReadable: Bool
    }

    /// An event that would hide the one before it stands a step lower, while there are steps. On the last one they cover
    /// each other, and of those that would be drawn in one place there is one.
    private var placedEvents: (events: [PlacedEvent], rows: Int) {
        var last: [Int] = []
        var placed: [PlacedEvent] = []
        for (index, event) in events.enumerated() {
            let x = x(event.at)
            let free = last.firstIndex { x - placed[$0].x >= CaseStrip.radius * 2 + 2 }
            let row = free ?? min(last.count, CaseStrip.mostRows - 1)
            let isCrowded = free == nil && row < last.count
            if isCrowded {
                if abs(x - placed[last[row]].x) < CaseStrip.circleDistance, !event.isDeadLetter { continue }
                placed[last[row]].isReadable = false
            }
            placed.append(
                PlacedEvent(
                    index: index, x: x, row: row,
                    isReadable: !isCrowded && CaseStrip.numbered.contains(index + 1)))
            if row == last.count { last.append(placed.count - 1) } else { last[row] = placed.count - 1 }
        }
        return (placed, max(last.count, 1))
    }

    // MARK: - The drawing

    func html(id: HTML, title: String) -> HTML { drawing(id: id, title: title).html }

    func drawing(id: HTML, title: String) -> Drawing {
        let (placed, rows) = placedEvents
        let deadlines = placedDeadlines
        let top = 6 + CaseStrip.labelHeight * Double((deadlines.compactMap(\.label?.row).max() ?? -1) + 1)
        let height = top + Double(rows) * (CaseStrip.radius * 2 + 2) + 6
        func band(_ style: HTML, _ range: ClosedRange<Double>?) -> HTML {
            guard let range else { return .nothing }
            let (from, to) = (x(range.lowerBound), x(range.upperBound))
            return
                "<rect class=\"\(style)\" x=\"\(from)\" y=\"\(top)\" width=\"\(max(to - from, 1))\" height=\"\(height - top - 2)\" rx=\"3\"/>"
        }
        var drawn = -Double.infinity
        let marks = deadlines.compactMap { deadline -> HTML? in
            if deadline.label == nil, deadline.x - drawn < CaseStrip.lineDistance { return nil }
            drawn = deadline.x
            let begins = deadline.label.map { Double($0.row) * CaseStrip.labelHeight + 20 } ?? top
            let label = deadline.label.map { label -> HTML in
                "<text class=\"strong\" text-anchor=\"middle\" x=\"\(label.middle)\" y=\"\(Double(label.row) * CaseStrip.labelHeight + 15)\">\(label.text)</text>"
            }
            return """
                <g><title>\(deadline.title)</title><line class="mark" x1="\(deadline.x)" x2="\(deadline.x)" y1="\(begins)" y2="\(height)"/>\
                \(label ?? .nothing)</g>
                """
        }
        let dots = placed.map { place -> HTML in
            let event = events[place.index]
            let y = top + 2 + CaseStrip.radius + Double(place.row) * (CaseStrip.radius * 2 + 2)
            // Three digits are a little wider than the circle.
            let fitted: HTML =
                place.index + 1 < 100 ? .nothing : " textLength=\"13\" lengthAdjust=\"spacingAndGlyphs\""
            let number: HTML =
                place.isReadable
                ? "<text class=\"in-event\" x=\"\(place.x)\" y=\"\(y + 3.5)\"\(fitted)>\(place.index + 1)</text>"
                : .nothing
            return """
                <g><title>\(event.title)</title><circle class="event\(event.isDeadLetter ? " dead" : "")" cx="\(place.x)" cy="\(y)" r="\(CaseStrip.radius)"/>\
                \(number)</g>
                """
        }
        let html: HTML = """
            <div class="chart"><svg viewBox="0 0 \(Plot.width) \(height)" role="img" aria-labelledby="\(id)-t">
            <title id="\(id)-t">\(title)</title>
            \(band("allowed", allowed))\(band("beyond", beyond))
            \(marks)
            \(dots)\(rest.map { cut($0, top, height) } ?? .nothing)
            </svg></div>
            """
        return Drawing(html: html, unlabelled: deadlines.count { $0.label == nil })
    }

    /// Two strokes, and a piece of what follows, to no scale.
    private func cut(_ rest: Rest, _ top: Double, _ height: Double) -> HTML {
        let lines = [right + 5, right + 11].map { x -> HTML in
            "<line class=\"mark\" x1=\"\(x - 3)\" x2=\"\(x + 3)\" y1=\"\(height)\" y2=\"\(top)\"/>"
        }
        let style: HTML = rest == .beyond ? "beyond" : "allowed"
        return """
            <g><title>It goes on</title>\(lines)\
            <rect class="\(style)" x="\(right + 16)" y="\(top)" width="\(CaseStrip.restWidth - 16)" height="\(height - top - 2)" rx="3"/></g>
            """
    }
}
