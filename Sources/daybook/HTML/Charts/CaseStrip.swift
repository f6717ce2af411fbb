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

    private static let radius = 8.0

    private func x(_ time: Double) -> Double {
        14 + (time - from) / max(to - from, 0.000_001) * (Plot.width - 28)
    }

    /// Deadlines with their labels, those that would cover each other in rows of their own.
    private var placedLabels: [(deadline: Deadline, x: Double, textX: Double, row: Int)] {
        var ends: [Double] = []
        return deadlines.sorted { $0.at < $1.at }.map { deadline in
            let x = x(deadline.at)
            let width = Double(min(deadline.label.count, 60)) * 7.2
            let textX = max(4, min(x - width / 2, Plot.width - width - 4))
            let row = ends.firstIndex { textX > $0 + 10 } ?? ends.count
            if row == ends.count { ends.append(textX + width) } else { ends[row] = textX + width }
            return (
                Deadline(at: deadline.at, title: deadline.title, label: String(deadline.label.prefix(60))), x,
                textX, row
            )
        }
    }

    func html(id: HTML, title: String) -> HTML {
        // An event that would hide the one before it stands a step lower.
        var ends: [Double] = []
        let placed = events.map { event -> (event: Event, x: Double, row: Int) in
            let x = x(event.at)
            let row = ends.firstIndex { x - $0 >= CaseStrip.radius * 2 + 2 } ?? min(ends.count, 4)
            if row == ends.count { ends.append(x) } else { ends[row] = x }
            return (event, x, row)
        }
        let labels = placedLabels
        let top = 6 + 14 * Double((labels.map(\.row).max() ?? -1) + 1)
        let height = top + Double(max(ends.count, 1)) * (CaseStrip.radius * 2 + 2) + 6
        func band(_ style: HTML, _ range: ClosedRange<Double>?) -> HTML {
            guard let range else { return .nothing }
            let (from, to) = (x(range.lowerBound), x(range.upperBound))
            return
                "<rect class=\"\(style)\" x=\"\(from)\" y=\"\(top)\" width=\"\(max(to - from, 1))\" height=\"\(height - top - 2)\" rx=\"3\"/>"
        }
        let marks = labels.map { label -> HTML in
            """
            <g><title>\(label.deadline.title)</title><line class="mark" x1="\(label.x)" x2="\(label.x)" y1="\(Double(label.row) * 14 + 16)" y2="\(height)"/>\
            <text class="strong" x="\(label.textX)" y="\(Double(label.row) * 14 + 12)">\(label.deadline.label)</text></g>
            """
        }
        let dots = placed.enumerated().map { index, place -> HTML in
            let y = top + 2 + CaseStrip.radius + Double(place.row) * (CaseStrip.radius * 2 + 2)
            return """
                <g><title>\(place.event.title)</title><circle class="event\(place.event.isDeadLetter ? " dead" : "")" cx="\(place.x)" cy="\(y)" r="\(CaseStrip.radius)"/>\
                <text class="in-event" x="\(place.x)" y="\(y + 3.5)">\(index + 1)</text></g>
                """
        }
        return """
            <div class="chart"><svg viewBox="0 0 \(Plot.width) \(height)" role="img" aria-labelledby="\(id)-t">
            <title id="\(id)-t">\(title)</title>
            \(band("allowed", allowed))\(band("beyond", beyond))
            \(marks)
            \(dots)
            </svg></div>
            """
    }
}
