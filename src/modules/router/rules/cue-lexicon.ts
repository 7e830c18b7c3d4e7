/**
 * Words and phrases that say what kind of task a message is, by category; English, German, Spanish, French, Chinese.
 * General vocabulary only: a phrase must be right in sentences nobody has seen, so ambiguous single words ("code",
 * "class", "design", "function", "explain") appear only inside phrases that settle their meaning. `*` = any ending.
 */
const phrases = (list: string): string[] => list.split('|').map((phrase) => phrase.trim());

/** Cues of tasks that need the strong side. */
const HARD_CUES = {
  proof: phrases(
    'prove|disprove|proving|prove that|proof that|proof of the|proof by|formal proof|rigorous proof|by induction|by contradiction|derive the|derive a|derive an|derivation of|' +
      'beweise|beweisen|beweis dass|widerlege|leite die|herleiten|herleitung|' +
      'demuestra|demostrar|demuestre|demostración de|deduce la|demontre|demontrer|demontrez|证明|推导|论证',
  ),
  advanced_math: phrases(
    'integral of|integrate|derivative of|differentiate|differential equation*|solve for|solve the equation*|system of equations|quadratic equation*|eigenvalue*|eigenvector*|determinant of|' +
      'inverse of the matrix|rank of the matrix|probability that|probability of|expected value|standard deviation of|factorize|factorise|factor the|converges|diverges|taylor series|fourier|laplace|modulo|how many ways|permutations|combinatori*|asymptot*|lim x|' +
      'ableitung von|integral von|löse die gleichung|gleichungssystem|wahrscheinlichkeit dass|eigenwert*|' +
      'derivada de|la ecuación|ecuación diferencial|resuelve la|probabilidad de|derivee de|equation differentielle|resous|' +
      '求积分|的积分|求导|的导数|微分方程|解方程|方程组|的概率|特征值|行列式|求极限',
  ),
  code_task: phrases(
    'write code|write the code|write some code|write a function|write the function|write a method|write a query|write unit tests|write tests for|implement a|implement an|implement the|implement my|implement this|implementing|implementation of|refactor*|' +
      'code review|review this code|review my code|review the code|optimize this code|optimize this query|optimise this query|optimize the query|time complexity of|algorithm that|algorithm to|thread safe|port this code|' +
      'schreibe eine funktion|schreib eine funktion|schreibe code|schreib code|implementiere*|programmiere*|refaktor*|escribe una función|escribe código|implementa|implementar|implemente|refactoriza*|' +
      'ecris une fonction|ecris du code|implementez|写一个函数|写个函数|写一段代码|写代码|实现一个|实现以下|重构|编写代码|编写一个',
  ),
  debugging: phrases(
    'debug|debugging|stack trace|traceback|segfault|segmentation fault|null pointer|nullpointerexception|memory leak|race condition|deadlock*|fix this bug|fix the bug|fix my code|fix this code|find the bug|' +
      'error in my code|error in this code|bug in|bugs in|my code|this code throws|code does not work|code doesn t work|throws an exception|raises an exception|undefined is not|compile error|compiler error|root cause|' +
      'fehler in meinem|behebe den fehler|finde den fehler|mein code|stacktrace|error en mi|corrige el error|depura*|mi código|fuite de memoire|corrige ce code|调试|报错|修复|内存泄漏|死锁|代码有问题',
  ),
  system_design: phrases(
    'design a|design an|design the|design and|design me|designing a|designing an|architect a|architect an|propose an architecture|architecture for|architecture of a|architecture that|data model for|schema for|' +
      'entwirf|entwerfe|entwerfen sie|architektur für|architektur eines|diseña|diseñe|diseñar un|diseñar una|arquitectura para|arquitectura de un|concois|concevez|architecture pour|' +
      '设计一个|设计一套|设计一种|请设计|帮我设计|系统设计|架构设计|的架构',
  ),
  analysis: phrases(
    'analyze|analyse|analyzing|analysing|analysis of|in depth analysis|evaluate|critically|critique|assess|compare|compare and contrast|comparison of|contrast the|pros and cons|advantages and disadvantages|trade off*|tradeoff*|implications of|implications for|strengths and weaknesses|' +
      'argue for|argue that|arguments for and against|argue against|swot|cost benefit|what caused|causes and consequences|interpret the|' +
      'analysiere*|analyse der|vergleiche*|bewerte*|beurteile*|vor und nachteile|abwägen|auswirkungen|diskutiere*|erörter*|' +
      'analiza|analizar|analice|compara|comparar|compare|evalúa|evaluar|ventajas y desventajas|ventajas e inconvenientes|implicaciones|' +
      'analysez|comparez|evalue|evaluez|avantages et inconvenients|分析|比较一下|请比较|比较以下|对比|评估|评价|优缺点|利弊',
  ),
  planning: phrases(
    'a plan for|plan for|plan to|plan a|plan an|plan my|plan our|plan out|create a plan|detailed plan|step plan|business plan|project plan|marketing plan|training plan|study plan|migration plan|action plan|roadmap|strategy for|strategy to|strategic|itinerary|' +
      'erstelle einen plan|plan für|plane eine|plane einen|projektplan|geschäftsplan|businessplan|fahrplan|strategie für|reiseplan|' +
      'plan de|planifica*|elabora un plan|estrategia para|hoja de ruta|planifie*|strategie pour|制定|的计划|规划|方案|策略|路线图',
  ),
  reasoning: phrases(
    'step by step|show your work|show your reasoning|show all steps|explain your reasoning|justify|reason through|walk me through|walk through|logically|logic puzzle|deduce|knights and knaves|always lies|always tells the truth|who is lying|who owns|each own|each owns|must be true|mathematically|rigorously|which conclusion|what can be concluded|hypothes*|counterexample*|' +
      'schritt für schritt|begründe*|logikrätsel|schlussfolger*|paso a paso|razona*|justifica*|etape par etape|justifie*|逐步|一步一步|推理|逻辑|理由',
  ),
  long_writing: phrases(
    'write an essay|essay on|essay about|research paper|white paper|whitepaper|dissertation|thesis|literature review|screenplay|write a chapter|write a novel|short story|write a report|detailed report|write a proposal|grant proposal|' +
      'comprehensive|in depth|thorough|thoroughly|detailed guide|detailed explanation|in detail|word essay|word article|word story|1000 words|1500 words|2000 words|3000 words|' +
      'aufsatz|ausführlich*|hausarbeit|abhandlung|kurzgeschichte|detailliert*|ensayo|detallad*|en profundidad|dissertation|redige un essai|en detail|写一篇|论文|写一部|详细|深入|写一份',
  ),
  legal: phrases(
    'legal advice|liability|liable|lawsuit|breach of contract|contract clause|indemnif*|gdpr|plaintiff|defendant|statute|negligence|jurisdiction|intellectual property|copyright infringement|terminate the contract|sue my|sue the|tenancy|landlord|' +
      'haftung|vertragsklausel|dsgvo|kündigungsschutz|schadensersatz|mietvertrag|responsabilidad legal|demanda|contrato de|incumplimiento|responsabilite|合同|法律|诉讼|侵权|赔偿',
  ),
  medical: phrases(
    'differential diagnosis|diagnosis|diagnose|contraindicat*|drug interaction*|dosage|prognosis|treatment options|treatment plan|presents with|year old patient|year old man|year old woman|blood test results|chest pain|comorbid*|' +
      'diagnose|wechselwirkung*|behandlungsmöglichkeiten|dosierung|diagnóstico|tratamiento|dosis|diagnostic|posologie|诊断|治疗方案|药物相互作用|病史',
  ),
} as const;

/** Cues of tasks a small model does well, and of small ingredients of larger tasks. */
const EASY_CUES = {
  make: phrases(
    'write|create|build|develop|produce|optimize|optimise|speed up|port|fix|implement|code|generate|set up|make|migrate|design|propose|schreibe|schreib|erstelle|baue|entwickle|escribe|crea|construye|desarrolla|haz|ecris|cree|developpe|写|编写|创建|开发|构建|实现|生成',
  ),
  software: phrases(
    'python|javascript|typescript|java|golang|rust|cpp|csharp|kotlin|swift|php|ruby|react|vue|angular|node js|nodejs|django|flask|fastapi|spring boot|sql|postgres|postgresql|mysql|mongodb|redis|kafka|bash|shell script|powershell|regex|regular expression|html|css|' +
      'rest api|graphql|api|endpoint|microservice*|distributed system*|web app|app|cli|crud|web scraper|crawler|parser|compiler|unit test*|integration test*|algorithm|linked list|binary tree|binary search tree|hash map|lru cache|queue|concurrency|concurrent|thread|dockerfile|docker|kubernetes|terraform|ci pipeline|database|software|program that|script that|script to|program to|' +
      'algorithmus|datenbank|programm das|skript das|anwendung|algoritmo|base de datos|aplicación|programa que|algorithme|base de donnees|programme qui|算法|数据库|爬虫|接口|脚本|程序|微服务|分布式|前端|后端',
  ),
  smalltalk: phrases(
    'hi|hello|hey|hiya|howdy|yo|greetings|good morning|good afternoon|good evening|good night|how are you|how are you doing|how s it going|how is it going|what s up|whats up|sup|nice to meet you|thanks|thank you|thank|thx|ty|cheers|bye|goodbye|see you|see you later|ok|okay|great|cool|nice|awesome|perfect|got it|sounds good|yes|no|lol|welcome|you re welcome|sorry|please|who are you|what s your name|what is your name|what can you do|are you there|have a nice day|' +
      'hallo|guten morgen|guten tag|guten abend|gute nacht|wie geht s|wie geht es dir|wie geht es ihnen|danke|dankeschön|vielen dank|tschüss|servus|moin|grüß gott|alles klar|bitte|wer bist du|' +
      'hola|buenos días|buenas tardes|buenas noches|qué tal|cómo estás|cómo está|gracias|muchas gracias|adiós|hasta luego|vale|por favor|quién eres|' +
      'bonjour|salut|bonsoir|merci|merci beaucoup|au revoir|ça va|comment ça va|你好|您好|早上好|晚上好|下午好|谢谢|多谢|再见|你好吗|好的|你是谁|嗨|在吗',
  ),
  filler: phrases(
    'there|you|so much|very much|a lot|for your help|for the help|for that|for this|for everything|that helped|that was|helpful|really|very|much|again|everyone|all|my friend|friend|today|and|i|am|i m|fine|it|that|s|is|the|lot|of|to|for|help|your|me|now|then|later|tomorrow|too|well|was|' +
      'dir|ihnen|für|die|deine|hilfe|sehr|es|und|das|war|mir|gut|por|la|tu|ayuda|mucho|todo|y|muy|bien|pour|ton|aide|tout|le|monde|吗|的|你|帮助|啊|呀|吧|大家|非常|感谢|今天|怎么样|最近',
  ),
  definition: phrases(
    'what is|what s|what are|what does|what do you call|define|definition of|meaning of|mean|stands for|stand for|who is|who are|explain what|' +
      'was ist|was sind|was bedeutet|definiere|wer ist|qué es|qué son|qué significa|define|definición de|quién es|qu est ce que|que signifie|c est quoi|什么是|是什么|什么意思|定义|是谁',
  ),
  fact_question: phrases(
    'who|when|where|which|what year|what time|what day|what color|what colour|what country|what language|how many|how much|how old|how tall|how far|how long|how big|how high|how deep|how do you say|how do i spell|capital of|is it true|name the|name a|name one|what|' +
      'wer|wann|wo|welche|welcher|welches|wie viele|wie viel|wieviel|wie alt|wie hoch|wie weit|hauptstadt|wie heißt|was|' +
      'quién|cuándo|dónde|cuál|cuáles|cuántos|cuántas|cuánto|cuánta|capital de|qué|qui|quand|où|quel|quelle|combien|capitale de|谁|哪里|哪个|哪一年|什么时候|多少|几个|多大|多高|首都|哪儿|什么',
  ),
  quantity_question: phrases(
    'how many|how much|how long|how far|how old|how fast|how tall|how often|in total|what percentage|what percent|what fraction|what is the total|what was the total|what is the average|what is the probability|what is the ratio|find the|calculate the|calculate how|at what time|' +
      'wie viele|wie viel|wieviel|wie lange|wie weit|wie alt|insgesamt|cuántos|cuántas|cuánto|cuánta|en total|combien|au total|多少|几个|几小时|几天|一共|总共|几',
  ),
  arithmetic: phrases(
    'plus|minus|times|divided by|multiplied by|square root of|percent of|calculate|compute|add|subtract|multiply|divide|mal|geteilt durch|wurzel aus|berechne|prozent von|por|más|menos|dividido|dividido por|dividido entre|raíz cuadrada de|calcula|fois|divise par|calcule|加|减|乘|除以|计算|等于',
  ),
  translation: phrases(
    'translate|translation of|how do you say|how do i say|in french|in spanish|in german|into german|into french|into spanish|into english|into chinese|übersetze*|übersetz|übersetzung|ins englische|auf englisch|auf spanisch|auf deutsch|traduce|traducir|traduzca|tradúceme|cómo se dice|al inglés|traduis|traduire|traduisez|comment dit on|en anglais|翻译|译成|用英语怎么说|怎么说',
  ),
  rewrite: phrases(
    'rewrite|rephrase|reword|paraphrase|proofread|spell check|spellcheck|correct the grammar|correct the spelling|fix the grammar|fix grammar|fix the spelling|fix the typos|make this shorter|make this sentence|make this more|make it sound|shorten|polish this|simplify this sentence|capitalize|uppercase|lowercase|' +
      'formuliere*|umformulieren|schreibe um|korrigiere die rechtschreibung|korrigiere den satz|korrigiere die grammatik|korrigiere*|kürze*|reescribe|reformula|corrige la ortografía|corrige la gramática|corrige|acorta|reformule*|corrige l orthographe|改写|润色|改成|语法|缩短',
  ),
  summary: phrases(
    'summarize|summarise|summary of|sum up|tl dr|tldr|key points of|fasse|zusammenfassung|zusammenfassen|resume|resumen|resumir|résumé|résumer|总结|概括|摘要',
  ),
  classification: phrases(
    'sentiment|classify|categorize|categorise|positive or negative|spam or not|which category|extract the|label the|detect the language|klassifiziere*|stimmung|clasifica|sentimiento|extrae|classe ce|分类|情感|提取',
  ),
  fault: phrases(
    'why is my|why does my|why do i get|why are my|why doesn t my|why isn t my|not working|doesn t work|does not work|fails|failing|crash|crashes|crashing|infinite loop|infinitely|throws|hangs|funktioniert nicht|stürzt ab|warum bekomme ich|no funciona|falla|ne fonctionne pas|崩溃|出错|不工作|无法运行|报错',
  ),
  decision: phrases(
    'should i|should we|would you recommend|is it better to|is it worth|what would you do|how would you|what order would|sollte ich|soll ich|sollten wir|lohnt es sich|debería|deberíamos|conviene|devrais je|应该|是否值得|该不该',
  ),
  conversion: phrases(
    'convert|converted to|in celsius|in fahrenheit|to celsius|to fahrenheit|in kilometers|in miles|in inches|in pounds|into kilometers|how many feet|how many ounces|rechne um|umrechnen|wandle|convierte|convertir|换算|转换成',
  ),
  small_writing: phrases(
    'tell me a joke|a joke|haiku|limerick|short poem|birthday|thank you note|thank you email|short email|one sentence|one paragraph|slogan|tagline|caption|suggest a name|name ideas|synonym*|antonym*|opposite of|rhymes with|spell|give me a|give me some|give me three|give me five|suggest|recommend|fun fact|recipe|tweet|witz|gedicht|rezept|synonym*|gegenteil von|geburtstag|schlag mir|chiste|poema corto|receta|sinónimo*|cumpleaños|recomienda|blague|recette|anniversaire|笑话|菜谱|同义词|反义词|生日|推荐|短诗',
  ),
  small_code: phrases('hello world|hallo welt|hola mundo|print hello|fizzbuzz'),
  constraint: phrases(
    'must|must not|at least|at most|exactly|no more than|no fewer than|without using|without any|do not|don t|avoid|each|ensure|should not|only use|only|should|between|constraint*|requirement*|valid json|json format|in json|every|muss|müssen|mindestens|höchstens|genau|ohne|keine|darf|jede*|nur|debe|deben|al menos|como máximo|exactamente|sin|cada|solo|evita|doit|au moins|au plus|exactement|sans|chaque|必须|至少|最多|不能|不要|不得|每个|每|恰好|只能|确保',
  ),
  sequence: phrases(
    'then|after that|afterwards|finally|next|first|second|third|danach|dann|schließlich|anschließend|zuerst|luego|después|finalmente|primero|ensuite|enfin|puis|d abord|然后|接着|最后|首先|其次',
  ),
  follow_up: phrases(
    'why|and why|why not|how so|how come|continue|go on|keep going|more|tell me more|elaborate|explain more|explain that|explain it|explain further|can you explain|what about|how about|and then|and|are you sure|really|again|try again|same|another one|one more|an example|for example|shorter|longer|simpler|in more detail|make it|do it|what if|so|' +
      'warum|wieso|und warum|weiter|mehr|erkläre das|noch mal|nochmal|bist du sicher|zum beispiel|und|was ist mit|por qué|y por qué|continúa|sigue|más|explícalo|estás seguro|otra vez|un ejemplo|y|pourquoi|et pourquoi|continue|encore|plus|et|为什么|继续|然后呢|再来|详细点|举个例子|还有呢|确定吗|那',
  ),
} as const;

export type CueCategory = keyof typeof HARD_CUES | keyof typeof EASY_CUES;

export const CUES: Readonly<Record<CueCategory, readonly string[]>> = { ...HARD_CUES, ...EASY_CUES };
/** A category's number is its place here. */
export const CUE_CATEGORIES = Object.keys(CUES) as CueCategory[];

/** Those of `HARD_CUES`, by number below this. */
export const HARD_CATEGORIES = Object.keys(HARD_CUES).length;

/** Categories as a set of bits: there are 31 of them. */
export const cueBits = (...categories: CueCategory[]): number =>
  categories.reduce((bits, category) => bits | (1 << CUE_CATEGORIES.indexOf(category)), 0);

/** Verbs whose object is a text that follows; what is in that text is not a wish of the caller. */
export const PAYLOAD_CUES = cueBits('translation', 'rewrite', 'summary', 'classification');
