/// Metrics in the text format of OpenMetrics 1.0 (https://github.com/prometheus/OpenMetrics, section "Text format").
///
/// What is written can be read as Prometheus' text format 0.0.4, too, as node_exporter's textfile collector does: only
/// gauges and counters, no timestamps; the marks that are new in OpenMetrics are comments there, and counters, whose
/// families have no `_total` in their names, are untyped.
struct MetricsText {
    enum Kind: String { case gauge, counter }

    struct Sample {
        var labels: [(name: String, value: String)]
        var value: Double

        init(_ labels: [(name: String, value: String)] = [], _ value: Double) {
            (self.labels, self.value) = (labels, value)
        }
    }

    private var lines: [String] = []

    /// A family without samples is left out.
    ///
    /// - Parameters:
    ///   - name: of a counter without `_total`; with its unit at the end, where it has one.
    ///   - help: without quotes, which the two formats escape otherwise.
    mutating func add(
        _ name: String, _ kind: Kind, unit: String? = nil, help: String, _ samples: [Sample]
    ) {
        guard !samples.isEmpty else { return }
        lines.append("# TYPE \(name) \(kind.rawValue)")
        if let unit { lines.append("# UNIT \(name) \(unit)") }
        lines.append("# HELP \(name) \(help)")
        for sample in samples {
            let labels = sample.labels.map { "\($0.name)=\"\(MetricsText.escaped($0.value))\"" }
            lines.append(
                name + (kind == .counter ? "_total" : "")
                    + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
                    + " \(MetricsText.text(sample.value))")
        }
    }

    var text: String { (lines + ["# EOF", ""]).joined(separator: "\n") }

    private static func escaped(_ value: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped.append(contentsOf: "\\\\".unicodeScalars)
            case "\"": escaped.append(contentsOf: "\\\"".unicodeScalars)
            case "\n": escaped.append(contentsOf: "\\n".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    private static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
