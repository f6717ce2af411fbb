import Events
import Foundation

/// What the names of zones that stand behind times mean: `CET`, `UTC`, `Europe/Berlin`.
struct GuessedZone: Equatable {
    /// As they are written, sorted.
    let names: [String]
    /// As a definition names it; nil of UTC, and where they are not of one zone.
    let identifier: String?
    let isUTC: Bool

    /// A word that may be one, as a regular expression.
    static let word = #"[A-Z]{3,5}|[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_]+)+"#

    /// Nil where a word is the name of no zone.
    init?(_ words: Set<String>) {
        guard !words.isEmpty, words.count <= 4 else { return nil }
        var zones: Set<String> = []
        for word in words {
            guard let zone = GuessedZone.zone(word) else { return nil }
            zones.insert(zone)
        }
        names = words.sorted()
        isUTC = zones == ["UTC"]
        // Britain's winter is GMT.
        if words == ["BST", "GMT"] { zones = ["Europe/London"] }
        identifier = zones.count == 1 && !isUTC ? zones.first : nil
    }

    private static func zone(_ word: String) -> String? {
        if ["UTC", "GMT"].contains(word) { return "UTC" }
        let name = word.contains("/") ? word : TimeZone.abbreviationDictionary[word]
        return name.flatMap { TimeZoneRules(identifier: $0) == nil ? nil : $0 }
    }
}
