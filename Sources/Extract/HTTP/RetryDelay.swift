import Foundation

/// How long to wait before a request is tried again.
package enum RetryDelay {
    private static let mostSeconds = 60.0
    /// Nobody waits for longer, and hostile numbers end here.
    private static let mostAsked = 1e9

    /// Exponential backoff with full jitter: anything up to a bound that doubles with each attempt, so that many clients
    /// do not come back at once.
    ///
    /// - Parameters:
    ///   - attempt: how many have failed, from 1.
    ///   - firstSeconds: the bound of the first delay.
    package static func backoff(_ attempt: Int, firstSeconds: Double) -> Double {
        let bound = min(mostSeconds, firstSeconds * pow(2, Double(attempt - 1)))
        return Double.random(in: bound / 4...bound)
    }

    /// What `Retry-After` asks for, in seconds: a number of them, or a date (RFC 9110, section 10.2.3); at least a
    /// moment for a date, which means a time and not "at once".
    package static func asked(_ header: String?, now: Date) -> Double? {
        guard let text = header?.trimmingCharacters(in: .whitespaces), !text.isEmpty else { return nil }
        if let seconds = Double(text) { return seconds.isNaN ? nil : min(max(0, seconds), mostAsked) }
        return HTTPDate.parse(text).map { min(max(0.1, $0.timeIntervalSince(now)), mostAsked) }
    }
}

/// The dates of HTTP (RFC 9110, section 5.6.7), in all three forms.
enum HTTPDate {
    private static let formats = [
        "EEE, dd MMM yyyy HH:mm:ss zzz", "EEEE, dd-MMM-yy HH:mm:ss zzz", "EEE MMM d HH:mm:ss yyyy",
    ]

    static func parse(_ text: String) -> Date? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        return formats.lazy.compactMap { format in
            formatter.dateFormat = format
            return formatter.date(from: text)
        }.first
    }
}
