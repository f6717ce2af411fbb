import Foundation

/// Figures as people read them.
enum Human {
    /// `1,234,567`.
    static func count(_ number: Int) -> String {
        var digits = String(number.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits = String(digits.dropLast(3))
        }
        return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    /// `12.3 MB`; a MB has 1,000,000 bytes.
    static func bytes(_ count: Int64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var value = Double(count)
        var unit = 0
        while value >= 999.5, unit < units.count - 1 {
            value /= 1_000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(decimal(value, value < 10 ? 1 : 0)) \(units[unit])"
    }

    /// The two greatest units: `10d 4h`, `5h 07m`, `12m 30s`, `45s`, `0.25s`.
    static func duration(_ seconds: Double) -> String {
        if seconds < 10, seconds != seconds.rounded() { return decimal(seconds, 2) + "s" }
        let whole = Int(seconds.rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        switch whole {
        case ..<60: return "\(whole)s"
        case ..<3_600: return "\(whole / 60)m \(two(whole % 60))s"
        case ..<86_400: return "\(whole / 3_600)h \(two(whole / 60 % 60))m"
        default: return "\(whole / 86_400)d \(whole / 3_600 % 24)h"
        }
    }

    /// `97.5%`; never rounded up to 100.
    static func share(_ share: Double) -> String {
        share >= 1 ? "100%" : decimal((share * 1_000).rounded(.down) / 10, 1) + "%"
    }

    static func decimal(_ value: Double, _ places: Int) -> String { String(format: "%.\(places)f", value) }

    /// A bar of `width` cells, in eighths of a cell.
    static func bar(_ share: Double, width: Int) -> String {
        let eighths = Int((max(0, min(1, share)) * Double(width * 8)).rounded())
        let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        let bar = String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
        return bar.padding(to: width)
    }

    static func plural(_ number: Int, _ noun: String, _ many: String? = nil) -> String {
        "\(count(number)) \(number == 1 ? noun : many ?? noun + "s")"
    }
}
